import { isJsonObject, type Json } from '@signalbox/domain'
import type { z } from 'zod'

/**
 * Says what is wrong with a value in a plain sentence, to be given to a parse as its `error`; what a schema says itself wins.
 * The pointer beside it tells where.
 */
export function describeIssue(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return describeMissing(issue) ?? describeType(issue.expected, issue.input as Json)
    case 'invalid_value': {
      const values = issue.values.map((value) => JSON.stringify(value) ?? String(value))
      return describeMissing(issue) ?? `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`
    }
    case 'too_small':
      if (isCounted(issue.origin) && Number(issue.minimum) === 1) return 'must not be empty'
      return describeBound(issue.origin, `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`)
    case 'too_big':
      return describeBound(issue.origin, `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`)
    case 'invalid_format':
      return `must be ${FORMATS[issue.format] ?? `of the format ${issue.format}`}`
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'unrecognized_keys':
      return `unknown: ${issue.keys.join(', ')}`
    default:
      return 'is not valid'
  }
}

/** What a value should be, by the names that the validator has for it. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a UUID',
  guid: 'a UUID',
  url: 'a URL',
  datetime: 'a date and time in ISO 8601',
  safeint: 'a whole number',
}

function describeMissing({ input, path = [] }: z.core.$ZodRawIssue): string | undefined {
  const key = path.at(-1)
  return input === undefined && typeof key === 'string' ? `\`${key}\` is missing` : undefined
}

function describeType(expected: string, input: Json): string {
  const wanted = TYPES[expected] ?? expected
  const given = nameGiven(input)
  // A number that is not whole, or none at all: a number in a query that could not be read.
  const isSaid = given === undefined || (given === 'a number' && wanted.endsWith('number'))
  return isSaid ? `must be ${wanted}` : `must be ${wanted}, not ${given}`
}

function nameGiven(input: Json | undefined): string | undefined {
  if (input === null) return 'null'
  if (Array.isArray(input)) return 'an array'
  if (isJsonObject(input)) return 'an object'
  if (typeof input === 'boolean') return String(input)
  if (typeof input === 'string') return 'a string'
  // Of a text in a query that is no number, nothing is left to be named.
  return typeof input === 'number' && !Number.isNaN(input) ? 'a number' : undefined
}

function isCounted(origin: string): boolean {
  return origin === 'string' || origin === 'array'
}

function describeBound(origin: string, bound: string): string {
  if (origin === 'string') return `must have ${bound} characters`
  return origin === 'array' ? `must have ${bound} items` : `must be ${bound}`
}
