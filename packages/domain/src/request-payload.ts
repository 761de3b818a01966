import type { PayloadType } from './event.js'
import type { Json } from './json.js'

/** A REQUEST payload that is no request, or whose JSON body does not parse: that event's evaluation alone fails. */
export class RequestPayloadError extends Error {
  override readonly name = 'RequestPayloadError'
}

/**
 * Gives the value that payload filters see. A JSON payload is seen as it is; a REQUEST payload as
 * `{ url, method, headers, body }`, its body parsed when the content type is JSON. Throws {@link RequestPayloadError}.
 */
export function readRequestPayload(payloadType: PayloadType, payload: Json): Json {
  if (payloadType === 'JSON') return payload
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) {
    throw new RequestPayloadError('a REQUEST payload must be an object with url, method, headers and body')
  }
  const { url = null, method = null, headers = null, rawBody, body = rawBody ?? null } = payload
  return { url, method, headers, body: readBody(headers, body) }
}

function readBody(headers: Json, body: Json): Json {
  if (typeof body !== 'string' || !isJsonContentType(headers)) return body
  try {
    return JSON.parse(body) as Json
  } catch (error) {
    throw new RequestPayloadError('the body says that it is JSON, but it does not parse', { cause: error })
  }
}

/** `application/json` and `application/…+json` (RFC 6839), with or without parameters; not `application/json-seq`. */
const JSON_TYPE = /^\s*application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i

function isJsonContentType(headers: Json): boolean {
  if (headers === null || typeof headers !== 'object' || Array.isArray(headers)) return false
  const entry = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')
  return typeof entry?.[1] === 'string' && JSON_TYPE.test(entry[1])
}
