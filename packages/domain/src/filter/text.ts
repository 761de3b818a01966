/** Length of a text in code points: what a reader of its JSON counts, unlike UTF-16 code units. */
export function countCodePoints(text: string): number {
  let count = text.length
  for (let index = 0; index < text.length - 1; index += 1) {
    if (isLeading(text.charCodeAt(index)) && isTrailing(text.charCodeAt(index + 1))) {
      count -= 1
      index += 1
    }
  }
  return count
}

/**
 * More combining marks in a row than any language has (UAX #15, Stream-Safe Text Format). A collator puts them in order, in
 * time that grows with their square.
 */
const TOO_MANY_MARKS = /\p{M}{31}/u

/** The longest text that stands for one character where composition and width do not count: that of U+FDFA. */
const EXPANSION_MAX = 18
/** What may be of no account besides, such as joiners and controls. */
const IGNORED_MAX = 64

/**
 * Equality with case, width and composition ignored and accents kept: that of a collator of one fixed locale, whatever
 * the process runs under. A text with more than 30 combining marks in a row equals nothing but itself, and so does one
 * that is far longer than the other: a comparison takes time in proportion to the texts.
 */
export function compileIgnoreCaseEquals(operand: string): (text: string) => boolean {
  const isPlain = isPrintableAscii(operand)
  const lower = operand.toLowerCase()
  const isComparable = isPlain || !TOO_MANY_MARKS.test(operand)
  return (text) => {
    if (text === operand) return true
    // Among printable ASCII the collator ignores nothing but case; it is some fifty times slower.
    if (isPlain && isPrintableAscii(text)) return text.length === operand.length && text.toLowerCase() === lower
    if (!isComparable || isFarLonger(text, operand) || isFarLonger(operand, text) || TOO_MANY_MARKS.test(text))
      return false
    return findCollator().compare(text, operand) === 0
  }
}

function isFarLonger(one: string, other: string): boolean {
  return one.length > other.length * EXPANSION_MAX + IGNORED_MAX
}

/** One for all filters, of which there may be very many; made when the first of them needs it. */
let collator: Intl.Collator | undefined

function findCollator(): Intl.Collator {
  collator ??= new Intl.Collator('en', { sensitivity: 'accent' })
  return collator
}

function isLeading(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

function isTrailing(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

function isPrintableAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
}
