/** A moment, exact to whatever digits were written. */
export interface Instant {
  /** Whole seconds since 1970, rounded down. */
  readonly seconds: number
  /** The digits after the decimal point, without trailing zeros. */
  readonly fraction: string
}

/** Longer texts are not read: no real date comes near it. */
const INSTANT_TEXT_LENGTH_MAX = 64

/** Days from the first of March of the year 0 to the first of January 1970. */
const DAYS_TO_EPOCH = 719_468

const ISO_DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:\d\d)?)?$/i

/**
 * Reads an ISO 8601 date, `2026-11-20` or `2026-11-20T17:30:00.5+01:00` (seconds, fraction and offset may be missing).
 * Without an offset it is UTC, wherever the process runs. Undefined for any other text.
 */
export function parseInstant(text: string): Instant | undefined {
  if (text.length > INSTANT_TEXT_LENGTH_MAX) return undefined
  const usual = parseUsual(text)
  if (usual !== undefined) return usual
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

/** Days since 1970 in the Gregorian calendar; undefined for a day that there is not, such as 30 February. */
function daysSinceEpoch(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined
  // Years that begin in March end with the day that leap years have more.
  const shifted = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400)
  return shifted * 365 + leapDays + dayOfYear - DAYS_TO_EPOCH
}

function daysOfMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

/**
 * Reads `2026-11-20T17:30:00Z`, with or without three digits of a second, as most programs write it: without a regular
 * expression, since every event may have a few. Undefined for whatever looks different.
 */
function parseUsual(text: string): Instant | undefined {
  const isShort = text.length === 20
  if (!isShort && (text.length !== 24 || text.charCodeAt(19) !== 0x2e)) return undefined
  const hasMarks =
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a &&
    text.charCodeAt(text.length - 1) === 0x5a
  if (!hasMarks) return undefined
  const days = daysSinceEpoch(readDigits(text, 0, 4), readDigits(text, 5, 7), readDigits(text, 8, 10))
  const [hour, minute, second] = [readDigits(text, 11, 13), readDigits(text, 14, 16), readDigits(text, 17, 19)]
  const millis = isShort ? 0 : readDigits(text, 20, 23)
  if (days === undefined || Number.isNaN(days) || !(hour <= 23 && minute <= 59 && second <= 59) || Number.isNaN(millis))
    return undefined
  const fraction = millis === 0 ? '' : withoutTrailingZeros(text.slice(20, 23))
  return { seconds: days * 86_400 + hour * 3_600 + minute * 60 + second, fraction }
}

/** The number that some decimal digits stand for; NaN when one of them is none. */
function readDigits(text: string, from: number, to: number): number {
  let number = 0
  for (let index = from; index < to; index += 1) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    number = number * 10 + digit
  }
  return number
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
