/** Ranges that are searched one by one before they are sorted into a level. */
const UNSORTED_MAX = 32

/** Bytes of a range in a level: two bounds, the greatest bound below it, its owner. */
const RANGE_BYTES = 28

const REMOVED = -1

/**
 * Sorted by their lower bounds. Seen as a balanced tree whose root is the middle, each place also knows the greatest
 * upper bound of its subtree, so that a search passes over whole subtrees.
 */
interface Level {
  readonly lows: Float64Array
  readonly highs: Float64Array
  readonly greatest: Float64Array
  readonly owners: Int32Array
  removed: number
}

/**
 * Closed ranges of numbers, each with an owner, that can be asked which of them hold a number. Levels grow by doubling, so
 * that a range is sorted anew only a few times (the logarithmic method of Bentley and Saxe). What is removed is
 * forgotten when half of its level is.
 */
export class RangeList {
  #levels: (Level | undefined)[] = []
  #unsorted: { low: number; high: number; owner: number }[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#levels.reduce((sum, level) => sum + (level?.owners.length ?? 0) * RANGE_BYTES, 200)
  }

  add(low: number, high: number, owner: number): void {
    this.#unsorted.push({ low, high, owner })
    this.#size += 1
    if (this.#unsorted.length < UNSORTED_MAX) return
    const carried = this.#unsorted
    this.#unsorted = []
    this.#carry(carried)
  }

  /** Forgets the range of an owner that has this lower bound. */
  remove(low: number, owner: number): void {
    this.#size -= 1
    const unsorted = this.#unsorted.findIndex((range) => range.owner === owner && range.low === low)
    if (unsorted !== -1) {
      this.#unsorted.splice(unsorted, 1)
      return
    }
    for (const [index, level] of this.#levels.entries()) {
      if (level === undefined || !removeFrom(level, low, owner)) continue
      if (level.removed * 2 <= level.owners.length) return
      this.#levels[index] = undefined
      this.#carry(listOf(level))
      return
    }
  }

  /** Gives the owners of all ranges that hold a number to `found`, and tells how many places were looked at. */
  stab(value: number, found: (owner: number) => void): number {
    let steps = this.#unsorted.length
    for (const { low, high, owner } of this.#unsorted) if (low <= value && value <= high) found(owner)
    for (const level of this.#levels) {
      if (level !== undefined) steps += stabLevel(level, value, { from: 0, to: level.owners.length, found })
    }
    return steps
  }

  #carry(ranges: { low: number; high: number; owner: number }[]): void {
    let carried = ranges
    let index = 0
    for (;;) {
      while (carried.length > UNSORTED_MAX * 2 ** index) index += 1
      const level = this.#levels[index]
      if (level === undefined) break
      this.#levels[index] = undefined
      carried = [...listOf(level), ...carried]
    }
    if (carried.length > 0) this.#levels[index] = makeLevel(carried)
  }
}

function makeLevel(ranges: { low: number; high: number; owner: number }[]): Level {
  const sorted = ranges.toSorted((a, b) => (a.low < b.low ? -1 : Number(a.low > b.low)))
  const level: Level = {
    lows: Float64Array.from(sorted, ({ low }) => low),
    highs: Float64Array.from(sorted, ({ high }) => high),
    greatest: new Float64Array(sorted.length),
    owners: Int32Array.from(sorted, ({ owner }) => owner),
    removed: 0,
  }
  findGreatest(level, 0, sorted.length)
  return level
}

function findGreatest(level: Level, from: number, to: number): number {
  if (from >= to) return -Infinity
  const middle = (from + to) >>> 1
  const below = Math.max(findGreatest(level, from, middle), findGreatest(level, middle + 1, to))
  const greatest = Math.max(below, level.highs[middle] as number)
  level.greatest[middle] = greatest
  return greatest
}

interface Stab {
  from: number
  to: number
  found: (owner: number) => void
}

function stabLevel(level: Level, value: number, { from, to, found }: Stab): number {
  if (from >= to) return 0
  const middle = (from + to) >>> 1
  if ((level.greatest[middle] as number) < value) return 1
  let steps = 1 + stabLevel(level, value, { from, to: middle, found })
  if ((level.lows[middle] as number) > value) return steps
  const owner = level.owners[middle] as number
  if (owner !== REMOVED && value <= (level.highs[middle] as number)) found(owner)
  steps += stabLevel(level, value, { from: middle + 1, to, found })
  return steps
}

function removeFrom(level: Level, low: number, owner: number): boolean {
  let from = 0
  let to = level.lows.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((level.lows[middle] as number) < low) from = middle + 1
    else to = middle
  }
  for (let index = from; index < level.lows.length && level.lows[index] === low; index += 1) {
    if (level.owners[index] !== owner) continue
    level.owners[index] = REMOVED
    level.removed += 1
    return true
  }
  return false
}

function listOf(level: Level): { low: number; high: number; owner: number }[] {
  const ranges: { low: number; high: number; owner: number }[] = []
  for (const [index, owner] of level.owners.entries()) {
    if (owner === REMOVED) continue
    ranges.push({ low: level.lows[index] as number, high: level.highs[index] as number, owner })
  }
  return ranges
}
