import type { ServerResponse } from 'node:http'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, toProblem } from '@signalbox/api-contract'
import { createId } from '@signalbox/domain'
import type { Answer, ProblemAnswer } from '../route.js'

const JSON_TYPE = 'application/json; charset=utf-8'

/** Writes an answer; does nothing when the caller is gone or was answered already. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if ('problem' in answer) {
    sendProblem(response, answer, createInstance())
    return
  }
  if ('text' in answer) send(response, answer.status, { text: answer.text, type: JSON_TYPE, headers: answer.headers })
  else if (answer.body === undefined) send(response, answer.status, { headers: answer.headers })
  else {
    const text = JSON.stringify(answer.body)
    send(response, answer.status, { text, type: JSON_TYPE, headers: answer.headers })
  }
}

/** Writes a problem. `instance` names the occurrence in the answer and in our log. */
export function sendProblem(response: ServerResponse, answer: ProblemAnswer, instance: string): void {
  const { detail, errors, headers } = answer
  const text = JSON.stringify(toProblem(answer.problem, { detail, instance, errors }))
  send(response, PROBLEMS[answer.problem].status, { text, type: PROBLEM_MEDIA_TYPE, headers })
}

/** Names one occurrence of a problem. */
export function createInstance(): string {
  return `urn:uuid:${createId()}`
}

interface Content {
  text?: string
  type?: string
  headers?: Record<string, string> | undefined
}

function send(response: ServerResponse, status: number, { text, type, headers }: Content): void {
  if (response.headersSent || response.destroyed) return
  if (text === undefined) {
    response.writeHead(status, headers).end()
    return
  }
  const length = Buffer.byteLength(text)
  response.writeHead(status, { 'content-type': type, 'content-length': length, ...headers }).end(text)
}
