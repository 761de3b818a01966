/** Places for a bounded number of attempts at one time. Waiters are served in order. */
export interface Lane {
  /** Gets a place, or gives undefined when none came free within `waitMs`. */
  enter(waitMs: number): Promise<Place | undefined>
  /** How long a newcomer would wait, from what is waiting and how long attempts take here; 0 when a place is free. */
  expectWaitMs(): number
}

/** A place in a lane. `leave` gives it back; calling it again does nothing. */
export interface Place {
  leave(): void
}

/** Lanes by key. A lane without attempts or waiters takes no memory. */
export interface Lanes {
  get(key: string, placesMax: number): Lane
  /** Attempts that hold a place, over all lanes. */
  countBusy(): number
}

/** How quickly the average follows: the last ten attempts or so count. */
const AVERAGE_WEIGHT = 0.1

interface LaneState {
  placesMax: number
  busySince: Map<object, number>
  waiting: { grant: (place: Place) => void }[]
  averageMs: number
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
    if (lane.busySince.size === 0 && lane.waiting.length === 0) lanes.delete(key)
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
    lanes.set(key, lane)
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

  return {
    get: (key, placesMax) => {
      const lane = lanes.get(key) ?? { placesMax, busySince: new Map(), waiting: [], averageMs: 0 }
      lane.placesMax = placesMax
      admit(key, lane)
      return { enter: (waitMs) => enter(key, lane, waitMs), expectWaitMs: () => expectWaitMs(lane, now()) }
    },
    countBusy: () => [...lanes.values()].reduce((sum, lane) => sum + lane.busySince.size, 0),
  }
}

// The oldest attempt under way counts too: a receiver that never answers has no average yet.
function expectWaitMs(lane: LaneState, now: number): number {
  if (lane.busySince.size < lane.placesMax) return 0
  const [oldest = now] = lane.busySince.values()
  const perAttemptMs = Math.max(lane.averageMs, now - oldest)
  return ((lane.waiting.length + 1) / lane.placesMax) * perAttemptMs
}
