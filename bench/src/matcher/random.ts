/** A stream of numbers that a seed decides, the same on every machine. */
export interface Random {
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
}

/** Numbers that a hash or a draw can give. */
const RANGE = 0x1_0000_0000

/** Makes a stream from one or several seeds: xorshift32, which is good enough to draw test data and takes a few lines. */
export function createRandom(...seeds: readonly number[]): Random {
  // A state of 0 would stay there.
  let state = mix(...seeds) | 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return scramble(state)
  }
  const below = (limit: number): number => Math.floor((next() / RANGE) * limit)
  return {
    below,
    chance: (probability) => next() / RANGE < probability,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  }
}

/** One 32-bit number from several, which looks like none of them. */
export function mix(...numbers: readonly number[]): number {
  let hash = 0x9e37_79b9
  for (const number of numbers) hash = scramble((hash + Math.imul(number | 0, 0x85eb_ca6b)) | 0)
  return hash
}

/** Murmur's finisher: every bit of the number decides about every bit of the answer. */
function scramble(number: number): number {
  let hash = number
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb_352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846c_a68b)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** An item by its weight. */
export function pickWeighted<Item>(random: Random, items: readonly (readonly [item: Item, weight: number])[]): Item {
  const total = items.reduce((sum, [, weight]) => sum + weight, 0)
  let left = random.below(total)
  for (const [item, weight] of items) {
    if (left < weight) return item
    left -= weight
  }
  throw new RangeError('nothing to pick from')
}
