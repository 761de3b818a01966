import {
  type Admission,
  beginPace,
  bookTurns,
  countEnded,
  decideAdmission,
  expectWaitMs,
  type PacedLane,
  planTurns,
  type Turn,
} from './lane-pace.js'

/** Places for a bounded number of attempts at one time. Waiters are served in order. */
export interface Lane {
  /**
   * Gets a place, or gives undefined when none came free within `waitMs`. `count`: deliveries that want one, of which this
   * is the first and the others come after it.
   */
  enter(waitMs: number, count?: number): Promise<Place | undefined>
  /** Gets a place when one is free now. */
  tryEnter(): Place | undefined
  /** Counts deliveries (or, below 0, fewer) that will want a place here: they are expected, and do not wait for it yet. */
  announce(count: number): void
  /**
   * How long a newcomer would wait, from who wants a place and how quickly attempts end here; 0 when one is free. While it
   * is too early to tell, attempts are taken for quick ones.
   */
  expectWaitMs(): number
  /**
   * Says how many of a job's deliveries may wait for places here, and for how long. `isCrowded`: so many jobs are under way
   * that one which waits holds the slot of another.
   */
  admit(count: number, isCrowded: boolean): Admission
  /**
   * Plans when as many deliveries that are put off come back: a few at first, then more and more, so that a lane is not
   * idle until all have their turn. Turns follow those that were booked before, at some three times the lane's own pace.
   */
  planTurns(count: number): Turn[]
  /** Books the lane's time for deliveries that were put off. */
  book(count: number): void
}

/** A place in a lane. `leave` gives it back; calling it again does nothing. */
export interface Place {
  leave(): void
}

/** Lanes by key. A lane without attempts, waiters or bookings takes no memory. */
export interface Lanes {
  /** With a pool, a lane has at no time more places than are free of the pool's, but one at least. */
  get(key: string, placesMax: number, pool?: Pool): Lane
  /** Attempts that hold a place, over all lanes. */
  countBusy(): number
}

/** A lane of whose places several others have a share. */
export interface Pool {
  readonly key: string
  readonly placesMax: number
}

const SWEEP_EVERY = 1_000

interface LaneState extends PacedLane {
  readonly key: string
  readonly pool: Pool | undefined
  /** Lanes of which this is the pool, and in which someone waits. */
  readonly dependents: Set<LaneState>
  /** The attempts that hold a place; the oldest first. */
  readonly busy: Set<LanePlace>
  readonly waiting: { grant: (place: Place) => void }[]
  /** Whether those who wait are let in in the next turn of the event loop. */
  isOpening: boolean
  /** Whether a newcomer finds it. One that fell idle is forgotten, and two of one key would be twice the places. */
  isKnown: boolean
}

/**
 * Creates the lanes of one process. `now` is a monotonic clock in milliseconds. Those who wait for a place that came free
 * get it in the next turn of the event loop, together: what they send then goes out in one go, which wakes a receiver once,
 * while attempts that are started one by one, each as an answer is read, wake it for each.
 */
export function createLanes(now: () => number, inNextTurn: (act: () => void) => void = setImmediate): Lanes {
  const all: AllLanes = { lanes: new Map(), now, inNextTurn }
  return {
    get: (key, placesMax, pool) => {
      const known = all.lanes.get(key)
      if (known !== undefined) {
        known.placesMax = placesMax
        letIn(all, known)
      }
      return new HeldLane(all, { key, placesMax, pool })
    },
    countBusy: () => [...all.lanes.values()].reduce((sum, lane) => sum + lane.busy.size, 0),
  }
}

interface AllLanes {
  readonly lanes: Map<string, LaneState>
  readonly now: () => number
  readonly inNextTurn: (act: () => void) => void
}

/** A class for speed, as is the next: every attempt enters and leaves four lanes. */
class HeldLane implements Lane {
  readonly #all: AllLanes
  readonly #ofLane: NewLane
  #state: LaneState | undefined

  constructor(all: AllLanes, ofLane: NewLane) {
    this.#all = all
    this.#ofLane = ofLane
  }

  tryEnter(): Place | undefined {
    const lane = this.#find()
    // What is free while others wait is theirs.
    if (lane.busy.size >= countPlaces(this.#all, lane) || lane.waiting.length > 0) return undefined
    beginIfIdle(lane, this.#all.now())
    return occupy(this.#all, lane)
  }

  enter(waitMs: number, count = 1): Promise<Place | undefined> {
    const place = this.tryEnter()
    return place === undefined ? wait(this.#all, this.#find(), { waitMs, count }) : Promise.resolve(place)
  }

  announce(count: number): void {
    const lane = this.#find()
    beginIfIdle(lane, this.#all.now())
    lane.announced += count
    forgetIfIdle(this.#all, lane)
  }

  expectWaitMs(): number {
    const lane = this.#all.lanes.get(this.#ofLane.key)
    return lane === undefined ? 0 : expectWaitMs(lane, countPlaces(this.#all, lane), this.#all.now())
  }

  admit(count: number, isCrowded: boolean): Admission {
    const lane = this.#find()
    return decideAdmission(lane, { count, isCrowded, places: countPlaces(this.#all, lane) }, this.#all.now())
  }

  planTurns(count: number): Turn[] {
    return planTurns(this.#find(), count, this.#all.now())
  }

  book(count: number): void {
    const lane = this.#find()
    bookTurns(lane, count, this.#all.now())
  }

  #find(): LaneState {
    if (this.#state?.isKnown !== true) this.#state = findLane(this.#all, this.#ofLane)
    return this.#state
  }
}

class LanePlace implements Place {
  readonly since: number
  readonly #all: AllLanes
  readonly #lane: LaneState

  constructor(all: AllLanes, lane: LaneState) {
    this.since = all.now()
    this.#all = all
    this.#lane = lane
  }

  leave(): void {
    const lane = this.#lane
    if (!lane.busy.delete(this)) return
    countEnded(lane, this.since, this.#all.now())
    if (lane.waiting.length > 0) open(this.#all, lane)
    // What is free here is more for those that share it.
    for (const dependent of lane.dependents) open(this.#all, dependent)
    forgetIfIdle(this.#all, lane)
  }
}

/** The places of a lane now. Its pace is that of all it may ever have: this number changes with every attempt of others. */
function countPlaces({ lanes }: AllLanes, { placesMax, pool }: LaneState): number {
  if (pool === undefined) return placesMax
  return Math.max(1, Math.min(placesMax, pool.placesMax - (lanes.get(pool.key)?.busy.size ?? 0)))
}

function open(all: AllLanes, lane: LaneState): void {
  if (lane.isOpening) return
  lane.isOpening = true
  all.inNextTurn(() => {
    lane.isOpening = false
    letIn(all, lane)
    forgetIfIdle(all, lane)
  })
}

function occupy(all: AllLanes, lane: LaneState): Place {
  const place = new LanePlace(all, lane)
  lane.busy.add(place)
  return place
}

// A lane that was idle until now has no pace: what was booked keeps it known, for minutes.
function beginIfIdle(lane: LaneState, now: number): void {
  if (lane.busy.size > 0 || lane.waiting.length > 0 || lane.announced > 0) return
  beginPace(lane, now)
}

// More than one may come in: a lane whose number of places was raised has room for several.
function letIn(all: AllLanes, lane: LaneState): void {
  while (lane.waiting.length > 0 && lane.busy.size < countPlaces(all, lane))
    lane.waiting.shift()?.grant(occupy(all, lane))
  if (lane.waiting.length === 0) leavePool(all, lane)
}

function leavePool({ lanes }: AllLanes, lane: LaneState): void {
  if (lane.pool !== undefined) lanes.get(lane.pool.key)?.dependents.delete(lane)
}

function wait(
  all: AllLanes,
  lane: LaneState,
  { waitMs, count }: { waitMs: number; count: number },
): Promise<Place | undefined> {
  lane.waitingCount += count
  return new Promise((resolve) => {
    const end = (place: Place | undefined): void => {
      lane.waitingCount -= count
      resolve(place)
    }
    const waiter = {
      grant: (place: Place) => {
        clearTimeout(timer)
        end(place)
      },
    }
    const timer = setTimeout(() => {
      // A place that came free in this very turn is still to be given out.
      letIn(all, lane)
      const index = lane.waiting.indexOf(waiter)
      if (index < 0) return
      lane.waiting.splice(index, 1)
      if (lane.waiting.length === 0) leavePool(all, lane)
      end(undefined)
      forgetIfIdle(all, lane)
    }, waitMs)
    lane.waiting.push(waiter)
    if (lane.pool !== undefined) findLane(all, { ...lane.pool, pool: undefined }).dependents.add(lane)
  })
}

type NewLane = Pick<LaneState, 'key' | 'placesMax' | 'pool'>

function findLane({ lanes, now }: AllLanes, { key, placesMax, pool }: NewLane): LaneState {
  const known = lanes.get(key)
  if (known !== undefined) return known
  const since = now()
  if (lanes.size % SWEEP_EVERY === 0) sweep(lanes, since)
  const counts = { waitingCount: 0, announced: 0, averageMs: 0, bookedUntil: 0, ended: 0, endedBefore: 0 }
  const times = { since, windowSince: since }
  const flags = { isOpening: false, isKnown: true }
  const sets = { busy: new Set<LanePlace>(), dependents: new Set<LaneState>() }
  const lane = { key, placesMax, pool, ...sets, waiting: [], ...counts, ...times, ...flags }
  lanes.set(key, lane)
  return lane
}

// A booked lane whose time passes while it is idle is noticed by no one; now and then all are looked at.
function sweep(lanes: Map<string, LaneState>, now: number): void {
  for (const lane of lanes.values()) if (isIdle(lane, now)) forget(lanes, lane)
}

function forgetIfIdle({ lanes, now }: AllLanes, lane: LaneState): void {
  if (lane.busy.size === 0 && isIdle(lane, now())) forget(lanes, lane)
}

function forget(lanes: Map<string, LaneState>, lane: LaneState): void {
  if (lanes.get(lane.key) === lane) lanes.delete(lane.key)
  lane.isKnown = false
}

function isIdle(lane: LaneState, now: number): boolean {
  return lane.busy.size === 0 && lane.waiting.length === 0 && lane.announced === 0 && lane.bookedUntil <= now
}
