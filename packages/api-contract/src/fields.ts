import type { Json } from '@signalbox/domain'
import { z } from 'zod'

/** The years that every part of the way can hold and write in ISO 8601's plain form. */
const FIRST_MOMENT = Date.parse('0001-01-01T00:00:00.000Z')
const LAST_MOMENT = Date.parse('9999-12-31T23:59:59.999Z')

/** Whether a date is one, between the years 1 and 9999. */
export function isStorableDate(date: Date): boolean {
  const time = date.getTime()
  return time >= FIRST_MOMENT && time <= LAST_MOMENT
}

/**
 * A moment as callers write it: an ISO 8601 text, any other text that JavaScript's `Date` reads, or milliseconds since
 * 1970. Null, booleans and dates outside the years 1 to 9999 are refused.
 */
export const dateInputSchema = z
  .union([z.string().max(64), z.number()], { error: 'Expected a date as ISO 8601 text, or milliseconds since 1970' })
  .transform((value, context): Date => {
    const date = new Date(value)
    if (isStorableDate(date)) return date
    const message = 'Expected a date between the years 1 and 9999'
    context.issues.push({ code: 'custom', input: value, message, params: { code: 'invalid_date' } })
    return z.NEVER
  })
  .describe('a date: ISO 8601 text, or milliseconds since 1970')

/** A moment as we write it. */
export const dateOutputSchema = z.iso.datetime().describe('ISO 8601, UTC')

/** Any JSON value; taken as it is, so that every key of it is kept. */
export const jsonSchema = z.unknown().transform((value) => value as Json)

/** Any JSON value in an answer. */
export const jsonOutputSchema = z.unknown().describe('any JSON value')

/** Text of 1 to `max` characters. NUL and lone surrogates are refused for every body before it is validated. */
export function textSchema(max: number) {
  return z.string().min(1).max(max)
}

/** A text of a query that says yes or no. */
export const booleanQuerySchema = z.enum(['true', 'false']).transform((value) => value === 'true')
