/** Ranges that are searched one by one before they are sorted into a level. */
const UNSORTED_MAX = 32

/** Bytes of a range in a level: two bounds, the greatest bound below it, its owner. */
const RANGE_BYTES = 28

/** Bytes of a range that is not sorted yet. */
const UNSORTED_BYTES = 72

/**
 * Sorted by their lower bounds, those with the same one by their owners; of one that was removed the owner stands there with
 * all bits turned, so that the order is kept. Seen as a balanced tree whose root is the middle, each place also knows the greatest
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
    const unsorted = this.#unsorted.length * UNSORTED_BYTES
    return this.#levels.reduce((sum, level) => sum + (level?.owners.length ?? 0) * RANGE_BYTES, 200 + unsorted)
  }

  add(low: number, high: number, owner: number): void {
    this.#unsorted.push({ low, high, owner })
    this.#size += 1
    if (this.#unsorted.length < UNSORTED_MAX) return
    const level = sortLevel(this.#unsorted)
    this.#unsorted = []
    this.#carry(level)
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
      this.#carry(compact(level))
      return
    }
  }

  /** Gives the owners of all ranges that hold a number to `found`, and tells how many places were looked at. */
  stab(value: number, found: (owner: number) => void): number {
    let steps = this.#unsorted.length
    for (const { low, high, owner } of this.#unsorted) if (low <= value && value <= high) found(owner)
    for (const level of this.#levels) if (level !== undefined) steps += stabLevel(level, value, found)
    return steps
  }

  /** Merges a level with those of its size, as one carries in an addition. */
  #carry(level: Level): void {
    let carried = level
    let index = 0
    for (;;) {
      while (carried.owners.length > UNSORTED_MAX * 2 ** index) index += 1
      const other = this.#levels[index]
      if (other === undefined) break
      this.#levels[index] = undefined
      carried = mergeLevels(compact(other), carried)
    }
    if (carried.owners.length > 0) this.#levels[index] = withGreatest(carried)
  }
}

function makeLevel(size: number): Level {
  return {
    lows: new Float64Array(size),
    highs: new Float64Array(size),
    greatest: new Float64Array(size),
    owners: new Int32Array(size),
    removed: 0,
  }
}

function sortLevel(ranges: readonly { low: number; high: number; owner: number }[]): Level {
  const sorted = ranges.toSorted((a, b) => (a.low === b.low ? a.owner - b.owner : a.low < b.low ? -1 : 1))
  const level = makeLevel(sorted.length)
  for (const [index, { low, high, owner }] of sorted.entries()) {
    level.lows[index] = low
    level.highs[index] = high
    level.owners[index] = owner
  }
  return level
}

function mergeLevels(a: Level, b: Level): Level {
  const merged = makeLevel(a.owners.length + b.owners.length)
  let fromA = 0
  let fromB = 0
  // Neither has ranges that were removed.
  const isAFirst = (): boolean => {
    const lowA = a.lows[fromA] as number
    const lowB = b.lows[fromB] as number
    return lowA === lowB ? (a.owners[fromA] as number) <= (b.owners[fromB] as number) : lowA < lowB
  }
  for (let index = 0; index < merged.owners.length; index += 1) {
    const isA = fromB === b.owners.length || (fromA < a.owners.length && isAFirst())
    if (isA) copyRange(a, fromA, { to: merged, at: index })
    else copyRange(b, fromB, { to: merged, at: index })
    if (isA) fromA += 1
    else fromB += 1
  }
  return merged
}

function copyRange(from: Level, index: number, { to, at }: { to: Level; at: number }): void {
  to.lows[at] = from.lows[index] as number
  to.highs[at] = from.highs[index] as number
  to.owners[at] = from.owners[index] as number
}

/** A level without what was removed from it. */
function compact(level: Level): Level {
  if (level.removed === 0) return level
  const kept = makeLevel(level.owners.length - level.removed)
  let at = 0
  for (let index = 0; index < level.owners.length; index += 1) {
    if (isRemoved(level, index)) continue
    copyRange(level, index, { to: kept, at })
    at += 1
  }
  return kept
}

function withGreatest(level: Level): Level {
  findGreatest(level, 0, level.owners.length)
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

/** Walks the tree from left to right, and passes over what ends before the number or begins after it. */
function stabLevel(level: Level, value: number, found: (owner: number) => void): number {
  const { lows, highs, greatest, owners } = level
  let steps = 0
  // Subtrees that are still to be looked at, as pairs of bounds; those to the left are on top.
  const pending: number[] = [0, owners.length]
  while (pending.length > 0) {
    const to = pending.pop() as number
    const from = pending.pop() as number
    if (from >= to) continue
    steps += 1
    const middle = (from + to) >>> 1
    if ((greatest[middle] as number) < value) continue
    if ((lows[middle] as number) <= value) {
      const owner = owners[middle] as number
      if (owner >= 0 && value <= (highs[middle] as number)) found(owner)
      pending.push(middle + 1, to)
    }
    pending.push(from, middle)
  }
  return steps
}

function removeFrom(level: Level, low: number, owner: number): boolean {
  const wanted = { low, owner }
  let from = 0
  let to = level.owners.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (comparePlace(level, middle, wanted) < 0) from = middle + 1
    else to = middle
  }
  // Of several that an owner has from the same bound on, any is as good as the other.
  for (let index = from; index < level.owners.length && comparePlace(level, index, wanted) === 0; index += 1) {
    if (isRemoved(level, index)) continue
    level.owners[index] = ~owner
    level.removed += 1
    return true
  }
  return false
}

/** Below 0 when the range at a place comes before one with this bound and owner, 0 when it has both. */
function comparePlace(level: Level, index: number, { low, owner }: { low: number; owner: number }): number {
  const own = level.lows[index] as number
  if (own !== low) return own < low ? -1 : 1
  const stored = level.owners[index] as number
  return (stored < 0 ? ~stored : stored) - owner
}

function isRemoved(level: Level, index: number): boolean {
  return (level.owners[index] as number) < 0
}
