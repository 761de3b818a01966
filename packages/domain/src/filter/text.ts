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
 * Equality with case, width and composition ignored and accents kept: that of a collator of one fixed locale, whatever
 * the process runs under.
 */
export function compileIgnoreCaseEquals(operand: string): (text: string) => boolean {
  const isPlain = isPrintableAscii(operand)
  const lower = operand.toLowerCase()
  return (text) => {
    if (text === operand) return true
    // Among printable ASCII the collator ignores nothing but case; it is some fifty times slower.
    if (isPlain && isPrintableAscii(text)) return text.length === operand.length && text.toLowerCase() === lower
    return findCollator().compare(text, operand) === 0
  }
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
