import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { problem, type ProblemAnswer } from '../route.js'

const KEY_CHARACTERS_MAX = 255
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** The header, for the documentation. */
export const idempotencyHeadersSchema = z.object({
  'Idempotency-Key': z
    .string()
    .max(KEY_CHARACTERS_MAX)
    .optional()
    .describe('1 to 255 visible ASCII characters: within 24 hours the same key and request get the stored answer'),
})

/** A request that may be made again. */
export interface IdempotencyHashes {
  keyHash: Buffer
  requestHash: Buffer
}

/** What the hash of a request is made of. */
export interface HashedRequest {
  headers: IncomingHttpHeaders
  method: string
  url: string
  rawBody: string
}

/** Reads the header Idempotency-Key; the request's hash covers method, path, query and body. */
export function readIdempotency(request: HashedRequest): IdempotencyHashes | ProblemAnswer | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || key.length > KEY_CHARACTERS_MAX || !VISIBLE_ASCII.test(key)) {
    return problem('invalid_header', 'Idempotency-Key must be 1 to 255 visible ASCII characters')
  }
  const requestHash = createHash('sha256').update(`${request.method} ${request.url}\n`).update(request.rawBody).digest()
  return { keyHash: createHash('sha256').update(key).digest(), requestHash }
}
