import type {
  AttemptRecord,
  ClaimedRow,
  DeliveryRef,
  DispatchTarget,
  EndReason,
  EventBody,
  PutOff,
} from '@signalbox/domain'
import { type ClaimAhead, createClaimAhead } from './claim-ahead.js'
import { type Attempts, createAttempts, LEASE_MARGIN_MS } from './create-attempts.js'
import type { DispatchQueue } from './deliver-events.js'
import type { DispatchablePorts } from './dispatchables/dispatchable-type.js'
import { findPlace, listLanes, pickSlowest, type TargetLanes } from './find-place.js'
import { MOMENT_MS, PLACE_WAIT_MS } from './lane-pace.js'
import { createLanes, type Lane, type Lanes } from './lanes.js'

/** Claims deliveries and records what became of them. Each method is one transaction, guarded by state and claim. */
export interface DispatchStore {
  /** The dispatcher's target with its secrets opened; undefined when the dispatcher is nowhere. */
  loadTarget(organizationId: string, dispatcherId: string): Promise<DispatchTarget | undefined>
  /** pending → in_flight, of those that are due and have had just that many attempts. */
  claimDeliveries(refs: DeliveryRef[], leaseMs: number): Promise<ClaimedRow[]>
  loadBody(delivery: ClaimedRow): Promise<EventBody | undefined>
  /** in_flight → what the step says. Gives, for each record, whether the claim still held. */
  recordAttempts(records: AttemptRecord[]): Promise<boolean[]>
  /** Back to pending until their time has passed, no attempt counted. Gives the ids of those that were moved. */
  parkDeliveries(deliveries: PutOff[]): Promise<string[]>
  /** pending → skipped. */
  skipDeliveries(refs: DeliveryRef[], reason: EndReason): Promise<void>
  disableEndpoint(scope: { organizationId: string; endpointId: string }, reason: string): Promise<void>
}

/** What one queue job came to. */
export type DispatchOutcome =
  /** Deliveries by what became of them. Attempts that were started go on after the job. */
  | { kind: 'done'; started: number; parked: number; skipped: number }
  /** There is too much ahead of it for now: nothing was done, and the job is to come once more. */
  | { kind: 'delayed'; delayMs: number }

/** What dispatching needs. `random` is in [0, 1). */
export interface DispatchDeps {
  store: DispatchStore
  queue: DispatchQueue
  ports: DispatchablePorts
  random: () => number
  /** Attempts in flight in this process, at most. */
  inFlightMax: number
  /** Queue jobs that are given to this process at one time, at most. */
  jobsMax: number
  observer: DispatchObserver
}

/** Is told of what happens, for logs and metrics. */
export interface DispatchObserver {
  onAttempt(record: AttemptRecord, isRecorded: boolean): void
  onTrouble(what: string, error: unknown): void
}

/**
 * A parked delivery comes back when its lane will have come to it, within these bounds: no sooner than it is worth the
 * writing, no later than one wants to wait for a receiver that has become quick again.
 */
const PARK_MS_MIN = 1_000
const PARK_MS_MAX = 300_000

/**
 * A job that has too much ahead of it for now comes once more after this share of the foreseen wait, half as much more or less: a
 * lane that has become quicker must not be idle until then. Nothing is written for its deliveries. If there is too much
 * again, or more than this ahead, they are put off one by one, as is right for a lane that is slow.
 */
const DELAY_SHARE = 0.25
const DELAYED_WAIT_MS_MAX = 10_000

/** While more of the slots than this are taken, a job that waits for a slow lane holds up others. */
const CROWDED_SHARE = 0.25

/** Creates the use case: find a place → claim → send → decide → record → tell. */
export function createDispatchDeliveries(deps: DispatchDeps): {
  /** `wasDelayed`: the job comes for the second time, since it was delayed. */
  dispatch: (refs: DeliveryRef[], job?: { wasDelayed: boolean }) => Promise<DispatchOutcome>
  countInFlight: () => number
  drain: () => Promise<void>
} {
  const lanes = createLanes(() => performance.now())
  const ahead = createClaimAhead()
  const attempts = createAttempts(deps, (delivery, target) => {
    return park(deps, lanes.get(target.laneKey, target.concurrency), { refs: [], claimed: [delivery] }).then(
      () => undefined,
    )
  })
  let jobs = 0
  const isCrowded = (): boolean => jobs > deps.jobsMax * CROWDED_SHARE
  const dispatch = async (refs: DeliveryRef[], wasDelayed: boolean): Promise<DispatchOutcome> => {
    const [first] = refs
    if (first === undefined) return NOTHING_DONE
    const target = await deps.store.loadTarget(first.organizationId, first.dispatcherId)
    const skipReason = target === undefined ? 'dispatcher_disabled' : target.skipReason
    if (target !== undefined && skipReason === null) {
      return dispatchTo({ ...deps, lanes, ahead, attempts, isCrowded, wasDelayed }, target, refs)
    }
    await deps.store.skipDeliveries(refs, skipReason ?? 'dispatcher_disabled')
    return { ...NOTHING_DONE, skipped: refs.length }
  }
  return {
    dispatch: async (refs, { wasDelayed } = { wasDelayed: false }) => {
      jobs += 1
      try {
        return await dispatch(refs, wasDelayed)
      } finally {
        jobs -= 1
      }
    },
    countInFlight: attempts.countInFlight,
    drain: attempts.drain,
  }
}

const NOTHING_DONE = { kind: 'done', started: 0, parked: 0, skipped: 0 } as const

interface Dispatching extends DispatchDeps {
  lanes: Lanes
  ahead: ClaimAhead
  attempts: Attempts
  isCrowded: () => boolean
  wasDelayed: boolean
}

async function dispatchTo(deps: Dispatching, target: DispatchTarget, refs: DeliveryRef[]): Promise<DispatchOutcome> {
  const lanes = listLanes(deps, target, refs[0]?.organizationId ?? '')
  const lane = deps.lanes.get(target.laneKey, target.concurrency)
  const isCrowded = deps.isCrowded()
  const slowest = pickSlowest(lanes.usual)
  const aheadMs = slowest.expectWaitMs()
  // The jobs of many endpoints that wait in one wider lane would hold all slots, each for little.
  if (aheadMs > (isCrowded && aheadMs > lane.expectWaitMs() ? MOMENT_MS : PLACE_WAIT_MS)) {
    if (!deps.wasDelayed && aheadMs <= DELAYED_WAIT_MS_MAX) {
      return { kind: 'delayed', delayMs: Math.round(aheadMs * DELAY_SHARE * (0.5 + deps.random())) }
    }
    return { ...NOTHING_DONE, parked: await park(deps, slowest, { refs, claimed: [] }) }
  }
  // Only where they will stand: others that share its wider lanes must not wait for a slow endpoint's.
  const { take, waitMs } = lane.admit(refs.length, isCrowded)
  const later = refs.slice(take)
  const parked = later.length === 0 ? 0 : await park(deps, lane, { refs: later, claimed: [] })
  if (take === 0) return { ...NOTHING_DONE, parked }
  const done = await dispatchNow({ ...deps, lane, waitMs }, { target, lanes }, refs.slice(0, take))
  return { ...done, parked: done.parked + parked }
}

async function dispatchNow(
  deps: Dispatching & { lane: Lane; waitMs: number },
  { target, lanes }: { target: DispatchTarget; lanes: TargetLanes },
  refs: DeliveryRef[],
): Promise<Extract<DispatchOutcome, { kind: 'done' }>> {
  const { lane, waitMs } = deps
  lane.announce(refs.length)
  let announced = refs.length
  const settle = (count: number): void => {
    announced -= count
    deps.ahead.leave(target.laneKey, count)
    lane.announce(-count)
  }
  await deps.ahead.enter(target.laneKey, refs.length)
  try {
    const claimed = await deps.store.claimDeliveries(refs, PLACE_WAIT_MS + target.timeoutMs + LEASE_MARGIN_MS)
    settle(refs.length - claimed.length)
    const placeless = await placeEach({ ...deps, settle, waitMs }, { target, lanes }, claimed)
    if (placeless.length > 0) await park(deps, pickSlowest(lanes.large), { refs: [], claimed: placeless })
    return { ...NOTHING_DONE, started: claimed.length - placeless.length, parked: placeless.length }
  } finally {
    settle(announced)
  }
}

/** Starts deliveries as they find places; gives those that found none in time. */
async function placeEach(
  deps: Dispatching & { settle: (count: number) => void; waitMs: number },
  { target, lanes }: { target: DispatchTarget; lanes: TargetLanes },
  claimed: ClaimedRow[],
): Promise<ClaimedRow[]> {
  const placeless: ClaimedRow[] = []
  const deadline = performance.now() + deps.waitMs
  const placeInTurn = async (deliveries: ClaimedRow[], wanted: Lane[]): Promise<void> => {
    for (const [index, delivery] of deliveries.entries()) {
      const place = await findPlace(wanted, deadline, deliveries.length - index)
      deps.settle(1)
      if (place === undefined) placeless.push(delivery)
      else deps.attempts.start(delivery, target, place)
    }
  }
  // One by one, since the lanes serve one after another anyway; but those with large bodies, for which there are few
  // places, hold up only each other.
  const usual = claimed.filter((delivery) => delivery.body !== null)
  const large = claimed.filter((delivery) => delivery.body === null)
  await Promise.all([placeInTurn(usual, lanes.usual), placeInTurn(large, lanes.large)])
  return placeless
}

// Only what was really put off takes the lane's time and comes back: a job that came twice must not multiply.
async function park(
  deps: DispatchDeps,
  lane: Lane,
  group: { refs: DeliveryRef[]; claimed: ClaimedRow[] },
): Promise<number> {
  const putOff = giveTurns(lane, group)
  const moved = new Set(await deps.store.parkDeliveries(putOff))
  lane.book(moved.size)
  const turns = new Map<number, PutOff[]>()
  for (const one of putOff) {
    if (!moved.has(one.deliveryId)) continue
    const turn = turns.get(one.delayMs)
    if (turn === undefined) turns.set(one.delayMs, [one])
    else turn.push(one)
  }
  const publishing = [...turns].map(([delayMs, refs]) => deps.queue.publishDispatch(refs, { delayMs }))
  // What can't be announced is found by the scheduler: Postgres has it.
  await Promise.all(publishing).catch((error: unknown) => deps.observer.onTrouble('queue', error))
  return moved.size
}

// The oldest come first.
function giveTurns(lane: Lane, { refs, claimed }: { refs: DeliveryRef[]; claimed: ClaimedRow[] }): PutOff[] {
  const putOff = [
    ...refs.map((ref) => ({ ...ref, lease: null, delayMs: 0 })),
    ...claimed.map(({ organizationId, dispatcherId, deliveryId, attemptCount, lease }) => {
      return { organizationId, dispatcherId, deliveryId, attemptCount, lease, delayMs: 0 }
    }),
  ].sort((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1))
  let first = 0
  for (const { count, delayMs } of lane.planTurns(putOff.length)) {
    const boundedMs = Math.round(Math.min(Math.max(delayMs, PARK_MS_MIN), PARK_MS_MAX))
    for (const one of putOff.slice(first, first + count)) one.delayMs = boundedMs
    first += count
  }
  return putOff
}
