import { isUtf8 } from 'node:buffer'
import type { ProblemError } from '@signalbox/api-contract'
import { findUnstorableText, type Json, measureExtent, toJsonPointer } from '@signalbox/domain'
import { problem, type ProblemAnswer } from '../route.js'
import { findJsonFault } from './find-json-fault.js'

/** Deeper than any limit that handlers set for parts of a body, and far from exhausting the call stack. */
export const DEPTH_OF_ANY_BODY_MAX = 1_000

const JSON_TYPE = 'application/json'
const JSON_TYPE_WITH_UTF8 = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i

/** Of a content type that is refused, what the answer repeats. */
const TYPE_CHARACTERS_MAX = 100

/** NUL and surrogates can only come as escapes, and numbers beyond a double only with long digits or exponents. */
const SUSPICIOUS = /\\u(?:0000|[dD][89a-fA-F])|[eE]\+?\d{3}|\d{308}/

/** A body as text and as the value that it is. */
export interface JsonBody {
  text: string
  value: Json
  extent: BodyExtent
}

/** How much there is of a body. */
export interface BodyExtent {
  /** As it was sent. */
  bytes: number
  /** How deep its arrays and objects nest. */
  depth: number
  /** Characters that all its numbers take when they are written out, at most. */
  numberCharacters: number
}

/** Refuses a media type that is not JSON; a request without one is taken to send JSON. */
export function checkMediaType(contentType: string | undefined): ProblemAnswer | undefined {
  if (contentType === undefined || contentType === JSON_TYPE || JSON_TYPE_WITH_UTF8.test(contentType)) return undefined
  const headers = { accept: JSON_TYPE }
  const detail = `The content type must be ${JSON_TYPE}, in UTF-8, not "${contentType.slice(0, TYPE_CHARACTERS_MAX)}"`
  return problem('unsupported_media_type', detail, { headers })
}

/** Parses a body once, and refuses what could not be stored as it was sent. */
export function parseJsonBody(bytes: Buffer, depthMax: number): JsonBody | ProblemAnswer {
  if (!isUtf8(bytes)) return problem('malformed_json', 'The body is not UTF-8')
  const text = bytes.toString('utf8')
  const value = parse(text)
  if (value === undefined) return problem('malformed_json', describeFault(text))
  const { depth, numberCharacters } = measureExtent(value, depthMax)
  if (depth > depthMax) {
    return refuse({ pointer: '', code: 'too_deep', message: `Nested deeper than ${depthMax} levels` })
  }
  const fault = SUSPICIOUS.test(text) ? findFault(value) : undefined
  return fault === undefined ? { text, value, extent: { bytes: bytes.length, depth, numberCharacters } } : refuse(fault)
}

/** The first value that can't be stored exactly: text that Postgres has no place for, or a number beyond a double. */
export function findFault(value: Json): ProblemError | undefined {
  const pointer = findUnstorableText(value)
  if (pointer !== undefined) {
    return { pointer, code: 'unstorable_text', message: 'NUL characters and lone surrogates can not be stored' }
  }
  const path = findInfinite(value, [])
  if (path === undefined) return undefined
  return { pointer: toJsonPointer(path), code: 'number_too_large', message: 'The number is too large for a double' }
}

function describeFault(text: string): string {
  if (/^[ \t\n\r]*$/.test(text)) return 'The body is empty'
  const position = findJsonFault(text)
  if (position === undefined) return 'The body is not valid JSON'
  return `The body is not valid JSON${position === text.length ? ': it ends early' : ''}, at position ${position}`
}

function refuse(fault: ProblemError): ProblemAnswer {
  const detail = fault.pointer === '' ? fault.message : `${fault.pointer}: ${fault.message}`
  return problem('invalid', detail, { errors: [fault] })
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

// Recursion is safe: the depth was checked before.
function findInfinite(value: Json, path: readonly string[]): readonly string[] | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, child] of Object.entries(value)) {
    const found = findInfinite(child, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}
