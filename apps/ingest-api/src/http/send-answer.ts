import type { ServerResponse } from 'node:http'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, toProblem } from '@signalbox/api-contract'
import { createId } from '@signalbox/domain'
import type { Answer, ProblemAnswer } from '../route.js'

const JSON_TYPE = 'application/json; charset=utf-8'

/** Writes an answer and gives its status; writes nothing when the caller is gone or was answered already. */
export function sendAnswer(response: ServerResponse, answer: Answer): number {
  if ('problem' in answer) return sendProblem(response, answer, createInstance())
  if ('text' in answer) send(response, answer.status, { text: answer.text, type: JSON_TYPE, headers: answer.headers })
  else if (answer.body === undefined) send(response, answer.status, { headers: answer.headers })
  else {
    const text = JSON.stringify(answer.body)
    send(response, answer.status, { text, type: JSON_TYPE, headers: answer.headers })
  }
  return answer.status
}

/** Writes a problem. `instance` names the occurrence in the answer and in our log. */
export function sendProblem(response: ServerResponse, answer: ProblemAnswer, instance: string): number {
  const { detail, errors, headers } = answer
  const text = JSON.stringify(toProblem(answer.problem, { detail, instance, errors }))
  const { status } = PROBLEMS[answer.problem]
  send(response, status, { text, type: PROBLEM_MEDIA_TYPE, headers })
  return status
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
  const base = { 'content-type': type, 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, headers === undefined ? base : { ...base, ...headers }).end(text)
}
