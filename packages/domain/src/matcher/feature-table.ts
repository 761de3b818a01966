import type { PathTable } from './path-table.js'

/** What of a value a feature looks at. Those from `NUMBER` on give numbers for ranges, the others hashes. */
export const FEATURE_KINDS = {
  EQUAL: 0,
  PREFIX: 1,
  SUFFIX: 2,
  /** Text with ASCII capitals made small; every other text is `NOT_ASCII`. */
  FOLDED: 3,
  /** Text in lower case. */
  LOWER: 4,
  PRESENT: 5,
  NUMBER: 6,
  /** Seconds since 1970 of a date, rounded down. */
  INSTANT: 7,
  /** An IPv4 address as a number; also one that is mapped into IPv6. */
  IPV4: 8,
  /** The leading 48 bits of an IPv6 address. */
  IPV6: 9,
  /** Code points of a text, elements of an array. */
  LENGTH: 10,
} as const

/** One of {@link FEATURE_KINDS}. */
export type FeatureKind = (typeof FEATURE_KINDS)[keyof typeof FEATURE_KINDS]

/** Whether a feature looks at the value itself, at the elements of an array, or at both. */
export const SPREADS = { SELF: 0, ELEMENTS: 1, BOTH: 2 } as const

/** One of {@link SPREADS}. */
export type Spread = (typeof SPREADS)[keyof typeof SPREADS]

/** Something about an event that can be looked up: what a path leads to, seen in some way. */
export interface FeatureKey {
  path: number
  kind: FeatureKind
  spread: Spread
  /** Characters of a prefix or suffix; 0 for other kinds. */
  length: number
}

/** Bytes that a feature takes, about. */
const FEATURE_BYTES = 120

/** Lengths of prefixes and suffixes: few of them, so that each event needs few look-ups. */
const TEXT_LENGTHS = [32, 24, 20, 16, 14, 12, 10, 8, 6, 5, 4, 3, 2, 1] as const

const KINDS_MAX = 16
const LENGTHS_MAX = 64

/** The features that filters are looked up by, each with a small number. One lives while someone holds it. */
export class FeatureTable {
  readonly paths: number[] = []
  readonly kinds: FeatureKind[] = []
  readonly spreads: Spread[] = []
  readonly lengths: number[] = []
  readonly #pathTable: PathTable
  readonly #numbers = new Map<number, number>()
  readonly #holders: number[] = []
  readonly #free: number[] = []

  constructor(pathTable: PathTable) {
    this.#pathTable = pathTable
  }

  /** One more than the largest number of a feature. */
  get size(): number {
    return this.paths.length
  }

  get bytes(): number {
    return this.#numbers.size * FEATURE_BYTES
  }

  hold(key: FeatureKey): number {
    const code = encode(key)
    const known = this.#numbers.get(code)
    if (known !== undefined) {
      this.holdAgain(known)
      return known
    }
    const feature = this.#free.pop() ?? this.paths.length
    this.paths[feature] = key.path
    this.kinds[feature] = key.kind
    this.spreads[feature] = key.spread
    this.lengths[feature] = key.length
    this.#holders[feature] = 1
    this.#numbers.set(code, feature)
    this.#pathTable.holdAgain(key.path)
    return feature
  }

  holdAgain(feature: number): void {
    this.#holders[feature] = (this.#holders[feature] ?? 0) + 1
  }

  release(feature: number): void {
    const holders = (this.#holders[feature] ?? 0) - 1
    this.#holders[feature] = holders
    if (holders > 0) return
    const [path, kind] = [this.paths[feature] as number, this.kinds[feature] as FeatureKind]
    const [spread, length] = [this.spreads[feature] as Spread, this.lengths[feature] as number]
    this.#numbers.delete(encode({ path, kind, spread, length }))
    this.#free.push(feature)
    this.#pathTable.release(path)
  }
}

/** Tells whether a feature gives numbers that lie in ranges, and not hashes. */
export function isRangeKind(kind: FeatureKind): boolean {
  return kind >= FEATURE_KINDS.NUMBER
}

/** The longest length in use that a text of so many characters has. */
export function roundTextLength(characters: number): number {
  return TEXT_LENGTHS.find((length) => length <= characters) ?? 0
}

function encode({ path, kind, spread, length }: FeatureKey): number {
  return ((path * KINDS_MAX + kind) * 3 + spread) * LENGTHS_MAX + length
}
