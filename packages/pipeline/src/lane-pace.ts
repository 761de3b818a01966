/** A delivery that finds no place for this long gives its queue job's slot to others and waits in Postgres. */
export const PLACE_WAIT_MS = 1_500

/** What finds its place within this time holds its job's slot for no longer. */
export const MOMENT_MS = 100

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

/** What a lane's pace is told from. */
export interface PacedLane {
  placesMax: number
  /** The attempts that hold a place; the oldest first. */
  readonly busy: ReadonlySet<{ readonly since: number }>
  /** Deliveries that wait, those behind the first of each waiter included. */
  waitingCount: number
  announced: number
  averageMs: number
  /** When the first came to the lane that was idle. */
  since: number
  /** When the present window began, the attempts that ended in it, and those in the one before. */
  windowSince: number
  ended: number
  endedBefore: number
  bookedUntil: number
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

/** A lane that was idle until now has no pace yet. */
export function beginPace(lane: PacedLane, now: number): void {
  lane.since = now
  lane.windowSince = now
  lane.ended = 0
  lane.endedBefore = 0
}

/** Counts an attempt that began at `since` and ends now. */
export function countEnded(lane: PacedLane, since: number, now: number): void {
  lane.averageMs += (now - since - lane.averageMs) * AVERAGE_WEIGHT
  turnWindow(lane, now)
  lane.ended += 1
}

/** How long a newcomer would wait in a lane that has so many places now. */
export function expectWaitMs(lane: PacedLane, places: number, now: number): number {
  const ahead = Math.max(lane.waitingCount, lane.announced)
  if (lane.busy.size + lane.announced < places) return 0
  // Those that hold a place more than there are leave it to nobody.
  return (ahead + Math.max(0, lane.busy.size - places) + 1) * perDeliveryMs(lane, now)
}

/** Books the lane's time for deliveries that were put off. */
export function bookTurns(lane: PacedLane, count: number, now: number): void {
  const until = findTurnsStart(lane, now) + (count * perDeliveryMs(lane, now)) / OVERBOOKING
  lane.bookedUntil = Math.min(until, now + BOOKED_MS_MAX)
}

/**
 * Says how many of a job's deliveries may wait for places, and for how long. In a lane that is slow for its places only what
 * finds one at once, or almost, is taken: the rest comes back when its turn is. While few jobs are under way it may take what
 * finds a place in time, for then nobody waits for its slot.
 */
export function decideAdmission(
  lane: PacedLane,
  { count, isCrowded, places }: { count: number; isCrowded: boolean; places: number },
  now: number,
): Admission {
  const eachMs = perDeliveryMs(lane, now)
  const isKnown = now - lane.since >= PACE_WINDOW_MS
  if (eachMs <= MOMENT_MS && count * eachMs <= PLACE_WAIT_MS) {
    return { take: count, waitMs: isKnown ? PLACE_WAIT_MS : PACE_WINDOW_MS }
  }
  const free = Math.max(0, places - lane.busy.size - Math.max(lane.waitingCount, lane.announced))
  const timeMs = isCrowded ? MOMENT_MS : PLACE_WAIT_MS
  return {
    take: Math.min(count, free + Math.floor(timeMs / eachMs)),
    waitMs: isCrowded ? 2 * MOMENT_MS : PLACE_WAIT_MS,
  }
}

/**
 * Plans when so many deliveries come back. Small turns come first and each later one is twice as large: a lane has something to
 * do soon and until the end, and a job that is put off makes some eight jobs of itself at most.
 */
export function planTurns(lane: PacedLane, count: number, now: number): Turn[] {
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
function findTurnsStart(lane: PacedLane, now: number): number {
  return Math.max(now, lane.bookedUntil)
}

function perDeliveryMs(lane: PacedLane, now: number): number {
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
function attemptMs(lane: PacedLane, now: number): number {
  const [oldest] = lane.busy
  return Math.max(lane.averageMs, now - (oldest?.since ?? now))
}

function turnWindow(lane: PacedLane, now: number): void {
  const windows = Math.floor((now - lane.windowSince) / PACE_WINDOW_MS)
  if (windows === 0) return
  lane.endedBefore = windows === 1 ? lane.ended : 0
  lane.ended = 0
  lane.windowSince += windows * PACE_WINDOW_MS
}
