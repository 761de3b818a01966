import { SignalboxError } from '@signalbox/domain'

/** What a group may be, and how its work is done. */
export interface GroupCommitOptions<Item, Result> {
  /** Weight of all items in one group, at most; one item alone may weigh more. */
  weightMax: number
  /** Groups being written at one time. */
  inFlightMax: number
  /** Weight waiting at one time; over it, items are refused with `overloaded`. */
  waitingMax: number
  /** How long a group waits for more before it is taken; 0 (the default) adds no delay. For work that nobody waits for. */
  lingerMs?: number
  weigh?: (item: Item) => number
  /** Items that share a key never stand in one group. */
  keysOf?: (item: Item) => readonly string[]
  /** Does the work of a group. Gives one result (or failure) for each item, in order; a thrown error is every item's. */
  run: (items: Item[]) => Promise<(Result | ItemFailure)[]>
}

/** The failure of one item of a group whose other items fare well. */
export class ItemFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** Collects what is concurrent. `add` settles when the item's group is done. */
export interface GroupCommit<Item, Result> {
  add(item: Item): Promise<Result>
  /** Resolves when nothing waits and nothing is in flight. */
  drain(): Promise<void>
}

interface Waiting<Item, Result> {
  item: Item
  weight: number
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * A group is whatever arrived while the group before it was being written: no delay is added when idle, and under load
 * groups grow to `weightMax`. Bounded in weight, in groups at one time and in what waits.
 */
export function createGroupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  const weigh = options.weigh ?? (() => 1)
  let waiting: Waiting<Item, Result>[] = []
  let waitingWeight = 0
  let inFlight = 0
  let isScheduled = false
  let idleListeners: (() => void)[] = []
  const lingerMs = options.lingerMs ?? 0

  const schedule = (): void => {
    if (isScheduled || inFlight >= options.inFlightMax || waiting.length === 0) return
    isScheduled = true
    if (lingerMs > 0) setTimeout(flush, lingerMs)
    else setImmediate(flush)
  }

  const flush = (): void => {
    isScheduled = false
    const { group, rest } = takeGroup(waiting, options)
    waiting = rest
    for (const entry of group) waitingWeight -= entry.weight
    inFlight++
    void write(group)
    schedule()
  }

  const write = async (group: Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await options.run(group.map((entry) => entry.item))
      for (const [index, entry] of group.entries()) {
        const result = results[index]
        if (result instanceof ItemFailure) entry.reject(result.error)
        else entry.resolve(result as Result)
      }
    } catch (error) {
      for (const entry of group) entry.reject(error)
    } finally {
      inFlight--
      schedule()
      if (inFlight === 0 && waiting.length === 0) {
        const listeners = idleListeners
        idleListeners = []
        for (const listener of listeners) listener()
      }
    }
  }

  return {
    add: (item) => {
      const weight = weigh(item)
      if (waitingWeight + weight > options.waitingMax && waiting.length > 0) {
        return Promise.reject(new SignalboxError('overloaded', 'too much is waiting to be written'))
      }
      return new Promise<Result>((resolve, reject) => {
        waiting.push({ item, weight, resolve, reject })
        waitingWeight += weight
        schedule()
      })
    },
    drain: () =>
      inFlight === 0 && waiting.length === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => idleListeners.push(resolve)),
  }
}

function takeGroup<Item, Result>(
  waiting: Waiting<Item, Result>[],
  options: GroupCommitOptions<Item, Result>,
): { group: Waiting<Item, Result>[]; rest: Waiting<Item, Result>[] } {
  const group: Waiting<Item, Result>[] = []
  const rest: Waiting<Item, Result>[] = []
  const keys = new Set<string>()
  let weight = 0
  for (const [index, entry] of waiting.entries()) {
    if (group.length > 0 && weight + entry.weight > options.weightMax) {
      return { group, rest: rest.concat(waiting.slice(index)) }
    }
    const own = options.keysOf?.(entry.item) ?? []
    // A key that is taken stays taken for all that follow, so that items with one key keep their order.
    const isFree = !own.some((key) => keys.has(key))
    for (const key of own) keys.add(key)
    if (!isFree) {
      rest.push(entry)
      continue
    }
    group.push(entry)
    weight += entry.weight
  }
  return { group, rest }
}
