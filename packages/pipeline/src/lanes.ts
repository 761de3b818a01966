/** Places for a bounded number of attempts at one time. Waiters are served in order. */
export interface Lane {
  /** Gets a place, or gives undefined when none came free within `waitMs`. */
  enter(waitMs: number): Promise<Place | undefined>
  /** Gets a place when one is free now. */
  tryEnter(): Place | undefined
  /** How long a newcomer would wait, from what is waiting and how long attempts take here; 0 when a place is free. */
  expectWaitMs(): number
  /**
   * Books the lane's time for deliveries that are put off; gives the milliseconds until their turn. Each booking follows
   * the one before at the lane's own pace, so that what is put off comes back about once, and not all at one moment.
   */
  book(count: number): number
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

/** How quickly the average follows: the last ten attempts or so count. */
const AVERAGE_WEIGHT = 0.1

const SWEEP_EVERY = 1_000

interface LaneState {
  placesMax: number
  busySince: Map<object, number>
  waiting: { grant: (place: Place) => void }[]
  averageMs: number
  bookedUntil: number
}

/** Creates the lanes of one process. `now` is a monotonic clock in milliseconds. */
export function createLanes(now: () => number): Lanes {
  const lanes = new Map<string, LaneState>()

  const occupy = (key: string, lane: LaneState): Place => {
    const token = {}
    lane.busySince.set(token, now())
    return { leave: () => leave(key, lane, token) }
  }

  const leave = (key: string, lane: LaneState, token: object): void => {
    const since = lane.busySince.get(token)
    if (since === undefined) return
    lane.busySince.delete(token)
    lane.averageMs += (now() - since - lane.averageMs) * AVERAGE_WEIGHT
    admit(key, lane)
    if (isIdle(lane, now()) && lanes.get(key) === lane) lanes.delete(key)
  }

  // More than one may come in: a lane whose number of places was raised has room for several.
  const admit = (key: string, lane: LaneState): void => {
    while (lane.busySince.size < lane.placesMax) {
      const next = lane.waiting.shift()
      if (next === undefined) return
      next.grant(occupy(key, lane))
    }
  }

  const enter = (key: string, lane: LaneState, waitMs: number): Promise<Place | undefined> => {
    if (lane.busySince.size < lane.placesMax) return Promise.resolve(occupy(key, lane))
    return new Promise((resolve) => {
      const waiter = {
        grant: (place: Place) => {
          clearTimeout(timer)
          resolve(place)
        },
      }
      const timer = setTimeout(() => {
        lane.waiting.splice(lane.waiting.indexOf(waiter), 1)
        resolve(undefined)
      }, waitMs)
      lane.waiting.push(waiter)
    })
  }

  const find = (key: string, placesMax: number): LaneState => findLane(lanes, { key, placesMax }, now())

  return {
    get: (key, placesMax) => {
      const known = lanes.get(key)
      if (known !== undefined) {
        known.placesMax = placesMax
        admit(key, known)
      }
      return {
        enter: (waitMs) => enter(key, find(key, placesMax), waitMs),
        tryEnter: () => {
          const lane = find(key, placesMax)
          return lane.busySince.size < lane.placesMax ? occupy(key, lane) : undefined
        },
        expectWaitMs: () => {
          const lane = lanes.get(key)
          return lane === undefined ? 0 : expectWaitMs(lane, now())
        },
        book: (count) => book(find(key, placesMax), count, now()),
      }
    },
    countBusy: () => [...lanes.values()].reduce((sum, lane) => sum + lane.busySince.size, 0),
  }
}

// A lane is looked up anew each time: one that fell idle meanwhile is forgotten, and two of one key would be twice the
// places.
function findLane(
  lanes: Map<string, LaneState>,
  { key, placesMax }: { key: string; placesMax: number },
  now: number,
): LaneState {
  let lane = lanes.get(key)
  if (lane === undefined) {
    if (lanes.size % SWEEP_EVERY === 0) sweep(lanes, now)
    lane = { placesMax, busySince: new Map(), waiting: [], averageMs: 0, bookedUntil: 0 }
    lanes.set(key, lane)
  }
  return lane
}

// A booked lane whose time passes while it is idle is noticed by no one; now and then all are looked at.
function sweep(lanes: Map<string, LaneState>, now: number): void {
  for (const [key, lane] of lanes) if (isIdle(lane, now)) lanes.delete(key)
}

function isIdle(lane: LaneState, now: number): boolean {
  return lane.busySince.size === 0 && lane.waiting.length === 0 && lane.bookedUntil <= now
}

function expectWaitMs(lane: LaneState, now: number): number {
  if (lane.busySince.size < lane.placesMax) return 0
  return ((lane.waiting.length + 1) / lane.placesMax) * perAttemptMs(lane, now)
}

function book(lane: LaneState, count: number, now: number): number {
  const from = Math.max(now + expectWaitMs(lane, now), lane.bookedUntil)
  lane.bookedUntil = from + (count / lane.placesMax) * perAttemptMs(lane, now)
  return from - now
}

// The oldest attempt under way counts too: a receiver that never answers has no average yet.
function perAttemptMs(lane: LaneState, now: number): number {
  const [oldest = now] = lane.busySince.values()
  return Math.max(lane.averageMs, now - oldest)
}
