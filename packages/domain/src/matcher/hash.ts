/** Longer texts are hashed by their ends: whoever has many that differ only in between has slow filters, not wrong ones. */
const HASHED_CHARACTERS_MAX = 64

const HASH_NULL = 0x51ed270b
const HASH_TRUE = 0x2c1b3c6d
const HASH_FALSE = 0x297a2d39

/** Stands for the mere presence of a value. */
export const HASH_PRESENT = 0x165667b1

const doubles = new Float64Array(1)
const halves = new Int32Array(doubles.buffer)

/** A 32-bit hash of a text's UTF-16 units from one index up to, not including, another. The same on every machine. */
export function hashText(text: string, from = 0, to = text.length): number {
  const length = to - from
  let hash = 0x811c9dc5 ^ length
  if (length <= HASHED_CHARACTERS_MAX) {
    for (let index = from; index < to; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    return scramble(hash)
  }
  const half = HASHED_CHARACTERS_MAX / 2
  for (let index = from; index < from + half; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  for (let index = to - half; index < to; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return scramble(hash)
}

/** A 32-bit hash of all of a text, however long. */
export function hashWholeText(text: string): number {
  let hash = 0x811c9dc5 ^ text.length
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return scramble(hash)
}

/** `hashText` of the text with ASCII capitals made small. */
export function hashFolded(text: string): number {
  const { length } = text
  let hash = 0x811c9dc5 ^ length
  const half = length <= HASHED_CHARACTERS_MAX ? length : HASHED_CHARACTERS_MAX / 2
  for (let index = 0; index < half; index += 1) hash = Math.imul(hash ^ fold(text.charCodeAt(index)), 0x01000193)
  for (let index = Math.max(half, length - half); index < length; index += 1) {
    hash = Math.imul(hash ^ fold(text.charCodeAt(index)), 0x01000193)
  }
  return scramble(hash)
}

/** A hash under which scalars that are strictly equal are equal: 0 and -0 too, and no text is equal to a number. */
export function hashScalar(value: string | number | boolean | null): number {
  switch (typeof value) {
    case 'string':
      return hashText(value)
    case 'number':
      return hashNumber(value)
    case 'boolean':
      return value ? HASH_TRUE : HASH_FALSE
    default:
      return HASH_NULL
  }
}

/** Takes one more hash into a hash. */
export function mixHashes(hash: number, more: number): number {
  const mixed = Math.imul(hash ^ more, 0x9e3779b1)
  return ((mixed ^ (mixed >>> 15)) + ((hash << 5) | (hash >>> 27))) | 0
}

/** Spreads the bits of a hash over all of its places. */
export function scramble(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function hashNumber(value: number): number {
  if ((value | 0) === value) return scramble(value ^ 0x3c6ef372)
  doubles[0] = value
  return scramble((halves[0] as number) ^ Math.imul(halves[1] as number, 0x9e3779b1))
}

function fold(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code
}
