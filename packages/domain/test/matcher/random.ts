/** A source of chance that gives the same for the same seed. Quick: the proofs of the matcher draw very much. */
export interface Random {
  readonly seed: number
  /** A whole number from 0 up to, but not, `end`. */
  below(end: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** So many of them, in a new order, none twice. */
  sample<T>(from: readonly T[], count: number): T[]
}

/** Makes a source of chance (mulberry32: 32 bits of state are plenty for drawing cases). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number): number => Math.floor(next() * end)
  return {
    seed,
    below,
    chance: (probability) => next() < probability,
    pick: (from) => {
      if (from.length === 0) throw new RangeError('there is nothing to pick from')
      return from[below(from.length)] as (typeof from)[number]
    },
    sample: (from, count) => {
      const rest = [...from]
      for (let index = 0; index < Math.min(count, rest.length); index += 1) {
        const other = index + below(rest.length - index)
        const kept = rest[index] as (typeof rest)[number]
        rest[index] = rest[other] as (typeof rest)[number]
        rest[other] = kept
      }
      return rest.slice(0, count)
    },
  }
}
