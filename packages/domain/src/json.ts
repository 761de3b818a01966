/** Any JSON value, as `JSON.parse` gives it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A JSON object. */
export type JsonObject = { [key: string]: Json }

/** A JSON value that is neither an object nor an array. */
export type JsonScalar = null | boolean | number | string

/** Whether a JSON value is an object, and not null or an array. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The own property of a JSON object; undefined when it has none or is no object. Never looks at a prototype. */
export function findOwnProperty(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** The JSON pointer of a path of keys and indexes (RFC 6901). */
export function toJsonPointer(path: readonly (string | number)[]): string {
  return path.map((token) => `/${escapePointerToken(token)}`).join('')
}

/** One token of a JSON pointer, escaped (RFC 6901, section 3). */
export function escapePointerToken(token: string | number): string {
  return String(token).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** How much there is of a JSON value. */
export interface JsonExtent {
  /** How deep arrays and objects nest. A scalar has depth 0, `[]` and `{}` have depth 1. */
  depth: number
  /** Characters that all numbers take when they are written out, at most. */
  numberCharacters: number
  /** Characters of these that `JSON.stringify` saves by exponents, at most. Postgres writes the numbers of `jsonb` without. */
  savedCharacters: number
}

/** Whether arrays and objects nest more than `depthMax` deep, as {@link measureExtent} counts. */
export function isDeeperThan(value: Json, depthMax: number): boolean {
  return measureExtent(value, depthMax).depth > depthMax
}

/**
 * Measures a value. Ends at the first array or object that is deeper than `depthMax`. Keeps its own stack, so that no input
 * can exhaust the call stack.
 */
export function measureExtent(value: Json, depthMax: number): JsonExtent {
  const extent: JsonExtent = { depth: 0, numberCharacters: 0, savedCharacters: 0 }
  if (typeof value === 'number') addNumber(extent, value)
  if (typeof value !== 'object' || value === null) return extent
  const pending: (Json[] | JsonObject)[] = [value]
  // Side by side, since every event that is sent comes by here: no object for each of its objects.
  const depths = [1]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const depth = depths.pop() as number
    if (depth > extent.depth) extent.depth = depth
    if (depth > depthMax) break
    const children = Array.isArray(next) ? next : Object.values(next)
    for (let index = 0; index < children.length; index += 1) {
      const child = children[index]
      if (typeof child === 'number') addNumber(extent, child)
      if (typeof child !== 'object' || child === null) continue
      pending.push(child)
      depths.push(depth + 1)
    }
  }
  return extent
}

/** Of an integer of 32 bits, and of any number without an exponent: 17 digits, a sign, a point, and up to six zeros. */
const INTEGER_CHARACTERS_MAX = 11
const PLAIN_CHARACTERS_MAX = 25

/** Between these, numbers are written without an exponent (ECMA-262, Number::toString). */
const PLAIN_MIN = 1e-6
const PLAIN_MAX = 1e21

function addNumber(extent: JsonExtent, value: number): void {
  if ((value | 0) === value) {
    extent.numberCharacters += INTEGER_CHARACTERS_MAX
    return
  }
  extent.numberCharacters += PLAIN_CHARACTERS_MAX
  const size = Math.abs(value)
  if (size >= PLAIN_MIN && size < PLAIN_MAX) return
  const saved = Math.abs(Math.floor(Math.log10(size)))
  extent.numberCharacters += saved
  extent.savedCharacters += saved
}

/**
 * The JSON pointer of the first string or key, in document order, that holds a NUL character or a lone surrogate:
 * text that Postgres refuses in `jsonb`. Undefined when everything can be stored.
 */
export function findUnstorableText(value: Json): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : ''
  if (typeof value !== 'object' || value === null) return undefined
  const open: OpenContainer[] = [openContainer(value)]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    top.index += 1
    if (top.index === top.children.length) {
      open.pop()
      continue
    }
    const child = top.children[top.index]
    const isKeyBad = top.keys !== undefined && !isStorable(top.keys[top.index] ?? '')
    if (isKeyBad || (typeof child === 'string' && !isStorable(child))) return pointerOfCurrent(open)
    if (typeof child === 'object' && child !== null) open.push(openContainer(child))
  }
  return undefined
}

/** A container on the way down, and how far its children have been looked at. */
interface OpenContainer {
  /** Undefined for an array. */
  readonly keys: readonly string[] | undefined
  readonly children: readonly Json[]
  index: number
}

function openContainer(value: Json[] | JsonObject): OpenContainer {
  return Array.isArray(value)
    ? { keys: undefined, children: value, index: -1 }
    : { keys: Object.keys(value), children: Object.values(value), index: -1 }
}

function isStorable(text: string): boolean {
  // In unicode mode a well-formed pair is one code point, so only lone surrogates are of category Cs.
  return !text.includes('\0') && !/\p{Cs}/u.test(text)
}

function pointerOfCurrent(open: readonly OpenContainer[]): string {
  return toJsonPointer(open.map((container) => container.keys?.[container.index] ?? container.index))
}
