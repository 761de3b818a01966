import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { problem, type ProblemAnswer } from '../route.js'
import type { TakeBytes } from './create-body-budget.js'

const INFLATERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
}

/** What is accepted as Content-Encoding, for the answer to anything else. */
const ACCEPTED_ENCODINGS = 'gzip, deflate, identity'

/** The usual event is not worth counting: what counts is what comes after so much. */
const UNCOUNTED_BYTES = 16 * 1024

/** The bounds of one body: its own, and what is left for all that are being worked on. */
export interface BodyBounds {
  bytesMax: number
  take: TakeBytes
}

/**
 * Reads the body of a request, inflated, never holding more than `bytesMax`. A body that is never read is thrown away by
 * node when the answer was sent.
 */
export function readBody(request: IncomingMessage, bounds: BodyBounds): Promise<Buffer | ProblemAnswer> {
  const { bytesMax } = bounds
  const encoding = request.headers['content-encoding']
  const declared = request.headers['content-length']
  if (declared !== undefined && Number(declared) > bytesMax) return Promise.resolve(tooLarge(bytesMax))
  if (encoding === undefined || encoding === 'identity') return collect(request, request, bounds)
  const createInflater = Object.hasOwn(INFLATERS, encoding.toLowerCase())
    ? INFLATERS[encoding.toLowerCase()]
    : undefined
  if (createInflater === undefined) {
    const headers = { 'accept-encoding': ACCEPTED_ENCODINGS }
    const detail = `The content encoding must be one of: ${ACCEPTED_ENCODINGS}`
    return Promise.resolve(problem('unsupported_media_type', detail, { headers }))
  }
  return collect(request, request.pipe(createInflater()), bounds)
}

function collect(
  request: IncomingMessage,
  source: IncomingMessage | Transform,
  { bytesMax, take }: BodyBounds,
): Promise<Buffer | ProblemAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const giveUp = (answer: ProblemAnswer): void => {
      source.off('data', onData)
      if (source !== request) {
        request.unpipe(source as Transform)
        source.destroy()
      }
      // What is still to come is thrown away; left unread, it would block the connection for the next request.
      request.resume()
      resolve(answer)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > bytesMax) giveUp(tooLarge(bytesMax))
      else if (bytes > UNCOUNTED_BYTES && !take(chunk.length)) giveUp(tooMuchAtOnce())
      else chunks.push(chunk)
    }
    const onError = (): void => giveUp(problem('malformed_request', 'The body could not be read, or ended early'))
    source.on('data', onData)
    source.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes)))
    // They stay when all is done: a late error without a listener would end the process.
    source.on('error', onError)
    if (source !== request) request.on('error', onError)
  })
}

function tooLarge(bytesMax: number): ProblemAnswer {
  return problem('body_too_large', `The body is larger than ${bytesMax} bytes`)
}

function tooMuchAtOnce(): ProblemAnswer {
  const headers = { 'retry-after': '1' }
  return problem('overloaded', 'Too many large requests at one time: nothing of this one was kept', { headers })
}
