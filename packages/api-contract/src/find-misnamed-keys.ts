import { countEdits, toJsonPointer } from '@signalbox/domain'
import { z } from 'zod'
import type { ProblemError } from './problem.js'

/** Unknown keys that are compared: a body may hold hundreds of thousands, and nobody misnames so many. */
const COMPARED_MAX = 100

/** Characters of the shorter of two names of which one holds the other: `id` stands in too many. */
const CONTAINED_CHARACTERS_MIN = 4

const EDITS_MAX = 2

/** What filters are called elsewhere, in lower case. */
const FILTER_ALIASES: ReadonlySet<string> = new Set(['pattern', 'eventpattern', 'match', 'condition', 'where'])
const FILTER_NAMES: ReadonlySet<string> = new Set(['filter', 'payloadFilter'])

/**
 * Finds keys that an object schema does not know and that look like one that it knows. Ignored, a misnamed filter would mean
 * "everything". Keys that look like none stay ignored, since older servers may get what newer clients send; a strict schema
 * takes none of them.
 */
export function findMisnamedKeys(schema: z.ZodType, value: unknown): ProblemError[] {
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null) return []
  const known = Object.keys(schema.shape)
  const isStrict = schema.def.catchall instanceof z.ZodNever
  const unknown = Object.keys(value).filter((key) => !known.includes(key))
  return unknown.slice(0, COMPARED_MAX).flatMap((key) => {
    const meant = findMeant(key, known)
    const fault = { pointer: toJsonPointer([key]), code: 'unknown_key' }
    if (meant !== undefined) return [{ ...fault, message: `Unknown: did you mean ${meant}?` }]
    return isStrict ? [{ ...fault, message: `Unknown: there is ${known.join(', ')}` }] : []
  })
}

function findMeant(key: string, known: readonly string[]): string | undefined {
  const lower = key.toLowerCase()
  return (
    known.find((name) => name.toLowerCase() === lower) ??
    (FILTER_ALIASES.has(lower) ? known.find((name) => FILTER_NAMES.has(name)) : undefined) ??
    known.find((name) => isContained(name.toLowerCase(), lower)) ??
    known.find((name) => isNear(name.toLowerCase(), lower))
  )
}

function isContained(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= CONTAINED_CHARACTERS_MIN && (a.includes(b) || b.includes(a))
}

/** Of a short name half would be two edits, and `id` as near to `to` as to anything. */
function isNear(name: string, key: string): boolean {
  if (Math.abs(name.length - key.length) > EDITS_MAX) return false
  const edits = countEdits(name, key)
  return edits <= EDITS_MAX && edits * 2 < name.length
}
