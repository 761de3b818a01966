/** Ranges that are searched one by one before they are sorted into a level. */
const UNSORTED_MAX = 32

/** A range in a level: its bounds, the greatest upper bound below it, its owner. */
const STRIDE = 4
const LOW = 0
const HIGH = 1
const GREATEST = 2
const OWNER = 3

const RANGE_BYTES = STRIDE * Float64Array.BYTES_PER_ELEMENT

/** Bytes of a range that is not sorted yet. */
const UNSORTED_BYTES = 72

/**
 * Sorted by their lower bounds, those with the same one by their owners; of one that was removed the owner stands there with
 * all bits turned, so that the order is kept. Seen as a balanced tree whose root is the middle, each place also knows the greatest
 * upper bound of its subtree, so that a search passes over whole subtrees.
 */
interface Level {
  readonly size: number
  /** All of a range side by side: in one line of memory. */
  readonly ranges: Float64Array
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
    return this.#levels.reduce((sum, level) => sum + (level?.size ?? 0) * RANGE_BYTES, 200 + unsorted)
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
      if (level.removed * 2 <= level.size) return
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
      while (carried.size > UNSORTED_MAX * 2 ** index) index += 1
      const other = this.#levels[index]
      if (other === undefined) break
      this.#levels[index] = undefined
      carried = mergeLevels(compact(other), carried)
    }
    if (carried.size > 0) this.#levels[index] = withGreatest(carried)
  }
}

function makeLevel(size: number): Level {
  return { size, ranges: new Float64Array(size * STRIDE), removed: 0 }
}

function sortLevel(ranges: readonly { low: number; high: number; owner: number }[]): Level {
  const sorted = ranges.toSorted((a, b) => (a.low === b.low ? a.owner - b.owner : a.low < b.low ? -1 : 1))
  const level = makeLevel(sorted.length)
  for (const [index, { low, high, owner }] of sorted.entries()) {
    const at = index * STRIDE
    level.ranges[at + LOW] = low
    level.ranges[at + HIGH] = high
    level.ranges[at + OWNER] = owner
  }
  return level
}

function mergeLevels(a: Level, b: Level): Level {
  const merged = makeLevel(a.size + b.size)
  let fromA = 0
  let fromB = 0
  // Neither has ranges that were removed.
  const isAFirst = (): boolean => {
    const lowA = a.ranges[fromA * STRIDE + LOW] as number
    const lowB = b.ranges[fromB * STRIDE + LOW] as number
    return lowA === lowB ? ownerAt(a, fromA) <= ownerAt(b, fromB) : lowA < lowB
  }
  for (let index = 0; index < merged.size; index += 1) {
    const isA = fromB === b.size || (fromA < a.size && isAFirst())
    if (isA) copyRange(a, fromA, { to: merged, at: index })
    else copyRange(b, fromB, { to: merged, at: index })
    if (isA) fromA += 1
    else fromB += 1
  }
  return merged
}

function copyRange(from: Level, index: number, { to, at }: { to: Level; at: number }): void {
  for (let field = 0; field < STRIDE; field += 1) {
    to.ranges[at * STRIDE + field] = from.ranges[index * STRIDE + field] as number
  }
}

/** A level without what was removed from it. */
function compact(level: Level): Level {
  if (level.removed === 0) return level
  const kept = makeLevel(level.size - level.removed)
  let at = 0
  for (let index = 0; index < level.size; index += 1) {
    if (isRemoved(level, index)) continue
    copyRange(level, index, { to: kept, at })
    at += 1
  }
  return kept
}

function withGreatest(level: Level): Level {
  findGreatest(level, 0, level.size)
  return level
}

function findGreatest(level: Level, from: number, to: number): number {
  if (from >= to) return -Infinity
  const middle = (from + to) >>> 1
  const below = Math.max(findGreatest(level, from, middle), findGreatest(level, middle + 1, to))
  const greatest = Math.max(below, level.ranges[middle * STRIDE + HIGH] as number)
  level.ranges[middle * STRIDE + GREATEST] = greatest
  return greatest
}

/** Walks the tree from left to right, and passes over what ends before the number or begins after it. */
function stabLevel({ ranges, size }: Level, value: number, found: (owner: number) => void): number {
  let steps = 0
  // Subtrees that are still to be looked at, as pairs of bounds; those to the left are on top.
  const pending: number[] = [0, size]
  while (pending.length > 0) {
    const to = pending.pop() as number
    const from = pending.pop() as number
    if (from >= to) continue
    steps += 1
    const middle = (from + to) >>> 1
    const at = middle * STRIDE
    if ((ranges[at + GREATEST] as number) < value) continue
    if ((ranges[at + LOW] as number) <= value) {
      const owner = ranges[at + OWNER] as number
      if (owner >= 0 && value <= (ranges[at + HIGH] as number)) found(owner)
      pending.push(middle + 1, to)
    }
    pending.push(from, middle)
  }
  return steps
}

function removeFrom(level: Level, low: number, owner: number): boolean {
  const wanted = { low, owner }
  let from = 0
  let to = level.size
  while (from < to) {
    const middle = (from + to) >>> 1
    if (comparePlace(level, middle, wanted) < 0) from = middle + 1
    else to = middle
  }
  // Of several that an owner has from the same bound on, any is as good as the other.
  for (let index = from; index < level.size && comparePlace(level, index, wanted) === 0; index += 1) {
    if (isRemoved(level, index)) continue
    level.ranges[index * STRIDE + OWNER] = ~owner
    level.removed += 1
    return true
  }
  return false
}

/** Below 0 when the range at a place comes before one with this bound and owner, 0 when it has both. */
function comparePlace(level: Level, index: number, { low, owner }: { low: number; owner: number }): number {
  const own = level.ranges[index * STRIDE + LOW] as number
  if (own !== low) return own < low ? -1 : 1
  const stored = ownerAt(level, index)
  return (stored < 0 ? ~stored : stored) - owner
}

function isRemoved(level: Level, index: number): boolean {
  return ownerAt(level, index) < 0
}

function ownerAt(level: Level, index: number): number {
  return level.ranges[index * STRIDE + OWNER] as number
}
