/** Places for a bounded number of attempts at one time. Waiters are served in order. */
export interface Lane {
  /**
   * Gets a place, or gives undefined when none came free within `waitMs`. `count`: deliveries that want one, of which this
   * is the first and the others come after it.
   */
  enter(waitMs: number, count?: number): Promise<Place | undefined>
  /** Gets a place when one is free now. */
  tryEnter(): Place | undefined
  /** Attempts that hold a place. */
  countBusy(): number
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

/** Deliveries of a job that may look for places, and how long each of them may. */
export interface Admission {
  take: number
  waitMs: number
}

/** Deliveries that come back together, and in how many milliseconds. */
export interface Turn {
  count: number
  delayMs: number
}

/** A place in a lane. `leave` gives it back; calling it again does nothing. */
export interface Place {
  leave(): void
}

/** Lanes by key. A lane without attempts, waiters or bookings takes no memory. */
export interface Lanes {
  get(key: string, placesMax: number): Lane
  /** Attempts that hold a place, over all lanes. */
  countBusy(): number
}

/** A delivery that finds no place for this long gives its queue job's slot to others and waits in Postgres. */
export const PLACE_WAIT_MS = 1_500

/** What finds its place within this time holds its job's slot for no longer. */
const MOMENT_MS = 100

/** No attempt is taken to be shorter. */
const ATTEMPT_MS_MIN = 0.1

/** What attempts are taken for while nothing is known of them: a burst to a lane with few places must not hold slots. */
const UNKNOWN_ATTEMPT_MS = 10

/** How quickly the average follows: the last ten attempts or so count. */
const AVERAGE_WEIGHT = 0.1

/**
 * A collection, a slow disk or a handful of new connections make all attempts under way late together, and say nothing of the
 * next ones. So a lane is called slow only after it was busy for this long, and, unless attempts take longer than this, by the
 * better of two measures: how long attempts take, and how many have ended within this time or up to twice as much. The first
 * knows what a lane can do that has had little to do; the second is not misled by a moment.
 */
const PACE_WINDOW_MS = 500

/**
 * The pace of a lane is a guess, and one made in a bad moment would keep deliveries from a receiver that has long been quick
 * again. So more of them get a turn than the pace allows for; those that come too early are put off once more.
 */
const OVERBOOKING = 3

/** Booked ahead, at most: a receiver that was away for a while must not be waited for much longer than that. */
const BOOKED_MS_MAX = 300_000

const SWEEP_EVERY = 1_000

interface LaneState {
  readonly key: string
  placesMax: number
  /** The attempts that hold a place; the oldest first. */
  readonly busy: Set<LanePlace>
  readonly waiting: { grant: (place: Place) => void }[]
  /** Deliveries that wait, those behind the first of each waiter included. */
  waitingCount: number
  announced: number
  /** Whether those who wait are let in in the next turn of the event loop. */
  isOpening: boolean
  averageMs: number
  /** When the first came to the lane that was idle. */
  since: number
  /** When the present window began, the attempts that ended in it, and those in the one before. */
  windowSince: number
  ended: number
  endedBefore: number
  bookedUntil: number
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
    get: (key, placesMax) => {
      const known = all.lanes.get(key)
      if (known !== undefined) {
        known.placesMax = placesMax
        letIn(all, known)
      }
      return new HeldLane(all, key, placesMax)
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
  readonly #key: string
  readonly #placesMax: number
  #state: LaneState | undefined

  constructor(all: AllLanes, key: string, placesMax: number) {
    this.#all = all
    this.#key = key
    this.#placesMax = placesMax
  }

  tryEnter(): Place | undefined {
    const lane = this.#find()
    // What is free while others wait is theirs.
    if (lane.busy.size >= lane.placesMax || lane.waiting.length > 0) return undefined
    beginIfIdle(lane, this.#all.now())
    return occupy(this.#all, lane)
  }

  enter(waitMs: number, count = 1): Promise<Place | undefined> {
    const place = this.tryEnter()
    return place === undefined ? wait(this.#all, this.#find(), { waitMs, count }) : Promise.resolve(place)
  }

  countBusy(): number {
    return this.#all.lanes.get(this.#key)?.busy.size ?? 0
  }

  announce(count: number): void {
    const lane = this.#find()
    beginIfIdle(lane, this.#all.now())
    lane.announced += count
    forgetIfIdle(this.#all, lane)
  }

  expectWaitMs(): number {
    const lane = this.#all.lanes.get(this.#key)
    return lane === undefined ? 0 : expectWaitMs(lane, this.#all.now())
  }

  admit(count: number, isCrowded: boolean): Admission {
    return decideAdmission(this.#find(), { count, isCrowded }, this.#all.now())
  }

  planTurns(count: number): Turn[] {
    return planTurns(this.#find(), count, this.#all.now())
  }

  book(count: number): void {
    const lane = this.#find()
    const now = this.#all.now()
    const until = findTurnsStart(lane, now) + (count * perDeliveryMs(lane, now)) / OVERBOOKING
    lane.bookedUntil = Math.min(until, now + BOOKED_MS_MAX)
  }

  #find(): LaneState {
    if (this.#state?.isKnown !== true) this.#state = findLane(this.#all, this.#key, this.#placesMax)
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
    const now = this.#all.now()
    lane.averageMs += (now - this.since - lane.averageMs) * AVERAGE_WEIGHT
    turnWindow(lane, now)
    lane.ended += 1
    if (lane.waiting.length > 0) open(this.#all, lane)
    forgetIfIdle(this.#all, lane)
  }
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
  lane.since = now
  lane.windowSince = now
  lane.ended = 0
  lane.endedBefore = 0
}

// More than one may come in: a lane whose number of places was raised has room for several.
function letIn(all: AllLanes, lane: LaneState): void {
  while (lane.waiting.length > 0 && lane.busy.size < lane.placesMax) lane.waiting.shift()?.grant(occupy(all, lane))
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
      end(undefined)
      forgetIfIdle(all, lane)
    }, waitMs)
    lane.waiting.push(waiter)
  })
}

function findLane({ lanes, now }: AllLanes, key: string, placesMax: number): LaneState {
  const known = lanes.get(key)
  if (known !== undefined) return known
  const since = now()
  if (lanes.size % SWEEP_EVERY === 0) sweep(lanes, since)
  const counts = { waitingCount: 0, announced: 0, averageMs: 0, bookedUntil: 0, ended: 0, endedBefore: 0 }
  const times = { since, windowSince: since }
  const flags = { isOpening: false, isKnown: true }
  const lane = { key, placesMax, busy: new Set<LanePlace>(), waiting: [], ...counts, ...times, ...flags }
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

function expectWaitMs(lane: LaneState, now: number): number {
  const ahead = Math.max(lane.waitingCount, lane.announced)
  if (lane.busy.size + lane.announced < lane.placesMax) return 0
  return (ahead + 1) * perDeliveryMs(lane, now)
}

// In a lane that is slow for its places only what finds one at once, or almost, is taken: the rest comes back when its turn is.
// While few jobs are under way it may take what finds a place in time, for then nobody waits for its slot.
function decideAdmission(lane: LaneState, job: { count: number; isCrowded: boolean }, now: number): Admission {
  const { count, isCrowded } = job
  const eachMs = perDeliveryMs(lane, now)
  const isKnown = now - lane.since >= PACE_WINDOW_MS
  if (eachMs <= MOMENT_MS && count * eachMs <= PLACE_WAIT_MS) {
    return { take: count, waitMs: isKnown ? PLACE_WAIT_MS : PACE_WINDOW_MS }
  }
  const free = Math.max(0, lane.placesMax - lane.busy.size - Math.max(lane.waitingCount, lane.announced))
  const timeMs = isCrowded ? MOMENT_MS : PLACE_WAIT_MS
  return {
    take: Math.min(count, free + Math.floor(timeMs / eachMs)),
    waitMs: isCrowded ? 2 * MOMENT_MS : PLACE_WAIT_MS,
  }
}

// Small turns come first and each later one is twice as large: a lane has something to do soon and until the end, and a job that is
// put off makes some eight jobs of itself at most.
function planTurns(lane: LaneState, count: number, now: number): Turn[] {
  const eachMs = perDeliveryMs(lane, now)
  const unit = Math.max(lane.placesMax, Math.floor(PLACE_WAIT_MS / eachMs))
  const start = findTurnsStart(lane, now) - now
  const turns: Turn[] = []
  for (let first = 0; first < count;) {
    const size = Math.max(unit, first)
    turns.push({ count: Math.min(size, count - first), delayMs: start + (first * eachMs) / OVERBOOKING })
    first += size
  }
  return turns
}

// Not behind those that are expected now: what of these finds no place is put off too, and has its turn behind this one.
function findTurnsStart(lane: LaneState, now: number): number {
  return Math.max(now, lane.bookedUntil)
}

function perDeliveryMs(lane: LaneState, now: number): number {
  if (now - lane.since < PACE_WINDOW_MS) return UNKNOWN_ATTEMPT_MS / lane.placesMax
  const takenMs = attemptMs(lane, now)
  if (takenMs > PACE_WINDOW_MS) return takenMs / lane.placesMax
  turnWindow(lane, now)
  const ended = lane.ended + lane.endedBefore
  const measuredMs = Math.min(now - lane.since, now - lane.windowSince + PACE_WINDOW_MS)
  const paceMs = ended === 0 ? Number.POSITIVE_INFINITY : measuredMs / ended
  return Math.max(ATTEMPT_MS_MIN / lane.placesMax, Math.min(takenMs / lane.placesMax, paceMs))
}

// The oldest attempt under way counts too: a receiver that never answers has no average yet.
function attemptMs(lane: LaneState, now: number): number {
  const [oldest] = lane.busy
  return Math.max(lane.averageMs, now - (oldest?.since ?? now))
}

function turnWindow(lane: LaneState, now: number): void {
  const windows = Math.floor((now - lane.windowSince) / PACE_WINDOW_MS)
  if (windows === 0) return
  lane.endedBefore = windows === 1 ? lane.ended : 0
  lane.ended = 0
  lane.windowSince += windows * PACE_WINDOW_MS
}
