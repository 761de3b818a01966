/** More digits than this are no delay that anyone means, and would leave the safe integers as milliseconds. */
const SECONDS_DIGITS_MAX = 10

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const TIME = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})'
const MONTH = `(?<month>${MONTHS.join('|')})`

/** The three forms of an HTTP date, RFC 9110 section 5.6.7: the present one and two that must still be read. */
const HTTP_DATES = [
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d{2}) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d{2})-${MONTH}-(?<year>\\d{2}) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
]

/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date. Answers milliseconds from now, 0 for a
 * date gone by, and `undefined` for anything else. How long a wait to grant is for the caller to say.
 */
export function parseRetryAfter(value: string, nowMs: number): number | undefined {
  const text = value.trim()
  if (/^\d+$/.test(text)) return text.length <= SECONDS_DIGITS_MAX ? Number(text) * 1000 : undefined
  const atMs = parseHttpDate(text, nowMs)
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs)
}

function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of HTTP_DATES) {
    const groups = form.exec(text)?.groups
    if (groups === undefined) continue
    const field = (name: string): number => Number(groups[name])
    const month = MONTHS.indexOf(groups['month'] ?? '')
    const year = groups['year']?.length === 2 ? toFullYear(field('year'), nowMs) : field('year')
    const date = new Date(0)
    date.setUTCFullYear(year, month, field('day'))
    if (date.getUTCMonth() !== month || field('hour') > 23 || field('minute') > 59 || field('second') > 60)
      return undefined
    return date.setUTCHours(field('hour'), field('minute'), field('second'))
  }
  return undefined
}

/** RFC 9110: two digits that seem more than 50 years ahead mean the most recent past year that ends so. */
function toFullYear(twoDigits: number, nowMs: number): number {
  const yearNow = new Date(nowMs).getUTCFullYear()
  const year = yearNow - (yearNow % 100) + twoDigits
  return year > yearNow + 50 ? year - 100 : year
}
