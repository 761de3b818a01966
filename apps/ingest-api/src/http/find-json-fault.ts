/** What may come next: of a container's closing sign only right after it was opened, or after an element. */
type Awaited = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end'

const WORDS = ['true', 'false', 'null'] as const
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SIMPLE_ESCAPES = '"\\/bfnrt'
const UNICODE_ESCAPE = /u[0-9a-fA-F]{4}/y

/**
 * Finds where a text stops being JSON (RFC 8259): the position in UTF-16 units, the text's length when it ends early, undefined
 * when it is JSON. `JSON.parse` tells a position in some of its messages only. Keeps its own stack.
 */
export function findJsonFault(text: string): number | undefined {
  const closers: ('}' | ']')[] = []
  let awaited: Awaited = 'value'
  let at = skipSpace(text, 0)
  for (; at < text.length; at = skipSpace(text, at)) {
    const sign = text.charAt(at)
    if (awaited === 'comma or end') {
      const closer = closers.at(-1)
      if (sign === closer) closers.pop()
      else if (sign === ',' && closer !== undefined) awaited = closer === '}' ? 'key' : 'value'
      else return at
      at += 1
    } else if (awaited === 'colon') {
      if (sign !== ':') return at
      awaited = 'value'
      at += 1
    } else if ((awaited === 'key or }' && sign === '}') || (awaited === 'value or ]' && sign === ']')) {
      closers.pop()
      awaited = 'comma or end'
      at += 1
    } else if (awaited === 'key' || awaited === 'key or }') {
      const read = sign === '"' ? readString(text, at) : { fault: at }
      if ('fault' in read) return read.fault
      awaited = 'colon'
      at = read.end
    } else if (sign === '{' || sign === '[') {
      closers.push(sign === '{' ? '}' : ']')
      awaited = sign === '{' ? 'key or }' : 'value or ]'
      at += 1
    } else {
      const read = readScalar(text, at)
      if ('fault' in read) return read.fault
      awaited = 'comma or end'
      at = read.end
    }
  }
  return awaited === 'comma or end' && closers.length === 0 ? undefined : text.length
}

type Read = { end: number } | { fault: number }

function skipSpace(text: string, from: number): number {
  let at = from
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at += 1
  return at
}

function readScalar(text: string, from: number): Read {
  if (text.charAt(from) === '"') return readString(text, from)
  const word = WORDS.find((each) => each.startsWith(text.charAt(from)))
  if (word !== undefined) {
    const fault = word.split('').findIndex((letter, index) => text.charAt(from + index) !== letter)
    return fault === -1 ? { end: from + word.length } : { fault: from + fault }
  }
  NUMBER.lastIndex = from
  if (!NUMBER.test(text)) return { fault: text.charAt(from) === '-' ? from + 1 : from }
  return { end: NUMBER.lastIndex }
}

// By hand: a regular expression would keep a way back for each of millions of characters.
function readString(text: string, from: number): Read {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return { end: at + 1 }
    if (code < 0x20) return { fault: at }
    if (code !== 0x5c) continue
    at += 1
    if (at === text.length) break
    if (SIMPLE_ESCAPES.includes(text.charAt(at))) continue
    UNICODE_ESCAPE.lastIndex = at
    if (!UNICODE_ESCAPE.test(text)) return { fault: at }
    at = UNICODE_ESCAPE.lastIndex - 1
  }
  return { fault: text.length }
}
