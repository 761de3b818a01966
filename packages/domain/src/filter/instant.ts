/** A moment, exact to whatever digits were written. */
export interface Instant {
  /** Whole seconds since 1970, rounded down. */
  readonly seconds: number
  /** The digits after the decimal point, without trailing zeros. */
  readonly fraction: string
}

/** Longer texts are not read: no real date comes near it. */
const INSTANT_TEXT_LENGTH_MAX = 64

const ISO_DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:\d\d)?)?$/i

/**
 * Reads an ISO 8601 date, `2026-11-20` or `2026-11-20T17:30:00.5+01:00` (seconds, fraction and offset may be missing).
 * Without an offset it is UTC, wherever the process runs. Undefined for any other text.
 */
export function parseInstant(text: string): Instant | undefined {
  if (text.length > INSTANT_TEXT_LENGTH_MAX) return undefined
  const match = ISO_DATE.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', offset = 'Z'] = match
  const days = daysSinceEpoch(Number(year), Number(month), Number(day))
  const offsetSeconds = parseOffset(offset)
  if (days === undefined || offsetSeconds === undefined) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  return {
    seconds: days * 86_400 + Number(hour) * 3_600 + Number(minute) * 60 + Number(second) - offsetSeconds,
    fraction: withoutTrailingZeros(fraction),
  }
}

/** Negative when `a` is earlier than `b`, positive when it is later, 0 when they are the same moment. */
export function compareInstants(a: Instant, b: Instant): number {
  if (a.seconds !== b.seconds) return a.seconds - b.seconds
  // Digits after the point, without trailing zeros, order as numbers do.
  return a.fraction < b.fraction ? -1 : Number(a.fraction > b.fraction)
}

function daysSinceEpoch(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // An impossible day, such as 30 February, has moved to another one.
  const isPossible = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return isPossible ? date.getTime() / 86_400_000 : undefined
}

function parseOffset(offset: string): number | undefined {
  if (offset === 'Z' || offset === 'z') return 0
  const hours = Number(offset.slice(1, 3))
  const minutes = Number(offset.slice(4))
  if (hours > 23 || minutes > 59) return undefined
  return (offset.startsWith('-') ? -1 : 1) * (hours * 3_600 + minutes * 60)
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length
  while (end > 0 && digits[end - 1] === '0') end -= 1
  return digits.slice(0, end)
}
