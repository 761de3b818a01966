import { SignalboxError } from '@signalbox/domain'

/** What a group may be, and how its work is done. */
export interface GroupCommitOptions<Item, Result> {
  /** Weight of all items in one group, at most; one item alone may weigh more. */
  weightMax: number
  /** Groups being written at one time. */
  inFlightMax: number
  /** Weight waiting at one time; over it, items are refused with `overloaded`. */
  waitingMax: number
  /**
   * How long a group that is not full waits for more before it is taken; 0 (the default) adds no delay. For work that
   * nobody waits for.
   */
  lingerMs?: number
  weigh?: (item: Item) => number
  /** Memory that an item holds. Without bounds of bytes it is not asked for. */
  bytesOf?: (item: Item) => number
  /** Bytes of all items in one group, at most; one item alone may have more. */
  groupBytesMax?: number
  /** Bytes waiting at one time; over it, items are refused with `overloaded`. */
  waitingBytesMax?: number
  /** Whose item it is. One owner may fill a quarter of what may wait, so that the others find room. */
  ownerOf?: (item: Item) => string
  /** Items that share a key never stand in one group. Asked once for each item. */
  keysOf?: (item: Item) => readonly string[]
  /** Items waiting behind the first of one key; over it, they are refused with `overloaded`. */
  keyWaitingMax?: number
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

/** What waits, of all or of one owner. */
interface Load {
  items: number
  weight: number
  bytes: number
}

interface Waiting<Item, Result> {
  item: Item
  weight: number
  bytes: number
  keys: readonly string[]
  /** Keys of its own that an earlier item holds. */
  heldBy: number
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/** The part of what may wait that one owner may fill. */
const OWNER_SHARE = 0.25

const NO_KEYS: readonly string[] = []

/**
 * A group is whatever arrived while the group before it was being written: no delay is added when idle, and under load
 * groups grow to `weightMax`. Bounded in weight and bytes, in groups at one time, in what waits, and of that in what one
 * owner and one key have.
 */
export function createGroupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  const { weigh = () => 1, bytesOf = () => 0, lingerMs = 0 } = options
  const admission = createAdmission(options)
  const lines = createKeyLines<Waiting<Item, Result>>(options.keyWaitingMax ?? Number.POSITIVE_INFINITY)
  // Those that no key holds back. While anything waits, the one that waits longest is among them.
  const ready = createReadyQueue<Waiting<Item, Result>>(options)
  let inFlight = 0
  let idleListeners: (() => void)[] = []

  const schedule = (): void => {
    if (inFlight < options.inFlightMax && !ready.isEmpty()) trigger.pull(ready.isGroupFull())
  }

  const trigger = createTrigger(lingerMs, () => {
    const group = ready.takeGroup()
    for (const entry of group) {
      admission.leave(entry)
      lines.leave(entry, ready.put)
    }
    inFlight++
    void write(group)
    schedule()
  })

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
      if (inFlight === 0 && ready.isEmpty()) {
        const listeners = idleListeners
        idleListeners = []
        for (const listener of listeners) listener()
      }
    }
  }

  return {
    add: (item) => {
      const weight = weigh(item)
      const bytes = bytesOf(item)
      const keys = options.keysOf === undefined ? NO_KEYS : withoutRepeats(options.keysOf(item))
      if (!lines.hasRoom(keys) || !admission.enter({ item, weight, bytes })) {
        return Promise.reject(new SignalboxError('overloaded', 'too much is waiting to be written'))
      }
      return new Promise<Result>((resolve, reject) => {
        const entry: Waiting<Item, Result> = { item, weight, bytes, keys, heldBy: 0, resolve, reject }
        lines.enter(entry)
        if (entry.heldBy === 0) ready.put(entry)
        schedule()
      })
    },
    drain: () =>
      inFlight === 0 && ready.isEmpty()
        ? Promise.resolve()
        : new Promise<void>((resolve) => idleListeners.push(resolve)),
  }
}

function withoutRepeats(keys: readonly string[]): readonly string[] {
  return keys.length < 2 ? keys : [...new Set(keys)]
}

/** Acts once for all that pull it until then: after a wait, or at once in the next turn when one of them is urgent. */
function createTrigger(waitMs: number, act: () => void): { pull(isUrgent: boolean): void } {
  let state: 'idle' | 'waiting' | 'next' = 'idle'
  let timer: NodeJS.Timeout | undefined
  const fire = (): void => {
    state = 'idle'
    act()
  }
  return {
    pull: (isUrgent) => {
      if (isUrgent || waitMs === 0) {
        if (state === 'next') return
        clearTimeout(timer)
        state = 'next'
        setImmediate(fire)
      } else if (state === 'idle') {
        state = 'waiting'
        timer = setTimeout(fire, waitMs)
      }
    },
  }
}

/** What may be written next, in its order. */
interface ReadyQueue<Entry> {
  put(this: void, entry: Entry): void
  isEmpty(): boolean
  /** Whether more would not come into the next group. */
  isGroupFull(): boolean
  takeGroup(): Entry[]
}

function createReadyQueue<Entry extends { weight: number; bytes: number }>({
  weightMax,
  groupBytesMax = Number.POSITIVE_INFINITY,
}: {
  weightMax: number
  groupBytesMax?: number
}): ReadyQueue<Entry> {
  const entries: Entry[] = []
  const all = { weight: 0, bytes: 0 }
  const countGroup = (): number => {
    const group = { weight: 0, bytes: 0 }
    for (const [index, { weight, bytes }] of entries.entries()) {
      group.weight += weight
      group.bytes += bytes
      if (index > 0 && (group.weight > weightMax || group.bytes > groupBytesMax)) return index
    }
    return entries.length
  }
  return {
    put: (entry) => {
      entries.push(entry)
      all.weight += entry.weight
      all.bytes += entry.bytes
    },
    isEmpty: () => entries.length === 0,
    isGroupFull: () => all.weight >= weightMax || all.bytes >= groupBytesMax,
    takeGroup: () => {
      const group = entries.splice(0, countGroup())
      for (const { weight, bytes } of group) {
        all.weight -= weight
        all.bytes -= bytes
      }
      return group
    },
  }
}

type Sized<Item> = { item: Item; weight: number; bytes: number }

/** Keeps what waits within its bounds, of all and of each owner. One item alone always finds room. */
function createAdmission<Item, Result>(
  options: GroupCommitOptions<Item, Result>,
): {
  enter(entry: Sized<Item>): boolean
  leave(entry: Sized<Item>): void
} {
  const { waitingMax, waitingBytesMax = Number.POSITIVE_INFINITY, ownerOf } = options
  const all: Load = { items: 0, weight: 0, bytes: 0 }
  const owners = new Map<string, Load>()
  const fits = (load: Load, entry: Sized<Item>, share: number): boolean =>
    load.items === 0 ||
    (load.weight + entry.weight <= waitingMax * share && load.bytes + entry.bytes <= waitingBytesMax * share)
  return {
    enter: (entry) => {
      if (!fits(all, entry, 1)) return false
      if (ownerOf !== undefined) {
        const owner = ownerOf(entry.item)
        const own = owners.get(owner)
        if (own === undefined) owners.set(owner, { items: 1, weight: entry.weight, bytes: entry.bytes })
        else if (fits(own, entry, OWNER_SHARE)) change(own, entry, 1)
        else return false
      }
      change(all, entry, 1)
      return true
    },
    leave: (entry) => {
      change(all, entry, -1)
      if (ownerOf === undefined) return
      const owner = ownerOf(entry.item)
      const own = owners.get(owner)
      if (own === undefined) return
      change(own, entry, -1)
      if (own.items === 0) owners.delete(owner)
    },
  }
}

function change(load: Load, { weight, bytes }: { weight: number; bytes: number }, sign: 1 | -1): void {
  load.items += sign
  load.weight += sign * weight
  load.bytes += sign * bytes
}

type Keyed = { keys: readonly string[]; heldBy: number }

/** A line for each key: its first item holds the key until it is in a group, the others come after it in order. */
function createKeyLines<Entry extends Keyed>(
  lengthMax: number,
): {
  hasRoom(keys: readonly string[]): boolean
  enter(entry: Entry): void
  /** Lets go of the entry's keys; `makeReady` gets whom nothing holds any more. */
  leave(entry: Entry, makeReady: (entry: Entry) => void): void
} {
  const held = new Set<string>()
  // Most keys have nobody behind them, and so no line.
  const lines = new Map<string, Entry[]>()
  const leaveOne = (key: string, makeReady: (entry: Entry) => void): void => {
    const line = lines.get(key)
    const next = line?.shift()
    if (next === undefined) {
      held.delete(key)
      return
    }
    if (line?.length === 0) lines.delete(key)
    next.heldBy -= 1
    // At the end: who sends one id again and again must not come before those that arrived in between.
    if (next.heldBy === 0) makeReady(next)
  }
  return {
    hasRoom: (keys) => keys.every((key) => (lines.get(key)?.length ?? 0) < lengthMax),
    enter: (entry) => {
      for (const key of entry.keys) {
        if (!held.has(key)) {
          held.add(key)
          continue
        }
        const line = lines.get(key)
        if (line === undefined) lines.set(key, [entry])
        else line.push(entry)
        entry.heldBy += 1
      }
    },
    leave: (entry, makeReady) => {
      for (const key of entry.keys) leaveOne(key, makeReady)
    },
  }
}
