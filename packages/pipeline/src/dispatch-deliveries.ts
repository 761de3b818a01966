import {
  decideNextStep,
  type AttemptReading,
  type EndReason,
  type AttemptRecord,
  type ClaimedRow,
  type DeliveryRef,
  type DispatchTarget,
} from '@signalbox/domain'
import type { DispatchQueue } from './deliver-events.js'
import type { DispatchablePorts } from './dispatchables/dispatchable-type.js'
import { dispatchableTypes } from './dispatchables/index.js'
import { createGroupCommit } from './group-commit.js'
import { createLanes, type Lane, type Lanes, type Place } from './lanes.js'

/** Claims deliveries and records what became of them. Each method is one transaction, guarded by state and claim. */
export interface DispatchStore {
  /** The dispatcher's target with its secrets opened; undefined when the dispatcher is nowhere. */
  loadTarget(organizationId: string, dispatcherId: string): Promise<DispatchTarget | undefined>
  /** pending → in_flight, of those that are due and have had just that many attempts. */
  claimDeliveries(refs: DeliveryRef[], leaseMs: number): Promise<ClaimedRow[]>
  loadPayload(delivery: ClaimedRow): Promise<string | undefined>
  /** in_flight → what the step says. Gives, for each record, whether the claim still held. */
  recordAttempts(records: AttemptRecord[]): Promise<boolean[]>
  /** Back to pending until `delayMs` have passed, no attempt counted. `claimed` ones are given up by their claim. */
  parkDeliveries(refs: DeliveryRef[], claimed: ClaimedRow[], delayMs: number): Promise<void>
  /** pending → skipped. */
  skipDeliveries(refs: DeliveryRef[], reason: EndReason): Promise<void>
  disableEndpoint(scope: { organizationId: string; endpointId: string }, reason: string): Promise<void>
}

/** What one queue job came to. Attempts that were started go on after it. */
export interface DispatchCounts {
  started: number
  parked: number
  skipped: number
}

/** What dispatching needs. `random` is in [0, 1). */
export interface DispatchDeps {
  store: DispatchStore
  queue: DispatchQueue
  ports: DispatchablePorts
  random: () => number
  /** Attempts in flight in this process, at most. */
  inFlightMax: number
  observer: DispatchObserver
}

/** Is told of what happens, for logs and metrics. */
export interface DispatchObserver {
  onAttempt(record: AttemptRecord, isRecorded: boolean): void
  onTrouble(what: string, error: unknown): void
}

/** A delivery that finds no place for this long gives its queue job's slot to others and waits in Postgres. */
const PLACE_WAIT_MS = 1_500
/**
 * A parked delivery comes back when its lane will have come to it, within these bounds: no sooner than it is worth the
 * writing, no later than one wants to wait for a receiver that has become quick again.
 */
const PARK_MS_MIN = 1_000
const PARK_MS_MAX = 300_000
/** A lease covers waiting, the exchange and the recording with a margin. */
const LEASE_MARGIN_MS = 10_000
/** Exchanges with a large payload at one time: what bounds memory when every payload has the largest size. */
const LARGE_AT_ONCE_MAX = 32
const RECORD_GROUP_MAX = 200
const RECORD_GROUPS_IN_FLIGHT_MAX = 2
/** Nobody waits for a record, and its lease holds for seconds: a short wait makes one statement of many. */
const RECORD_LINGER_MS = 10
const RECORD_WAITING_MAX = 100_000
/** While Postgres is away, recording is tried again for as long as the lease may hold. */
const RECORD_RETRY_MS = 500
const RECORD_TRIES_MAX = 30

/** Creates the use case: find a place → claim → send → decide → record → tell. */
export function createDispatchDeliveries(deps: DispatchDeps): {
  dispatch: (refs: DeliveryRef[]) => Promise<DispatchCounts>
  countInFlight: () => number
  drain: () => Promise<void>
} {
  const lanes = createLanes(() => performance.now())
  const attempts = createAttempts(deps, lanes)
  return {
    dispatch: async (refs) => {
      const [first] = refs
      if (first === undefined) return { started: 0, parked: 0, skipped: 0 }
      const target = await deps.store.loadTarget(first.organizationId, first.dispatcherId)
      const skipReason = target === undefined ? 'dispatcher_disabled' : target.skipReason
      if (target !== undefined && skipReason === null) return dispatchTo({ ...deps, lanes, attempts }, target, refs)
      await deps.store.skipDeliveries(refs, skipReason ?? 'dispatcher_disabled')
      return { started: 0, parked: 0, skipped: refs.length }
    },
    countInFlight: attempts.countInFlight,
    drain: attempts.drain,
  }
}

type Dispatching = DispatchDeps & { lanes: Lanes; attempts: Attempts }

async function dispatchTo(deps: Dispatching, target: DispatchTarget, refs: DeliveryRef[]): Promise<DispatchCounts> {
  const lane = deps.lanes.get(target.laneKey, target.concurrency)
  if (lane.expectWaitMs() > PLACE_WAIT_MS) {
    await park(deps, lane, { refs, claimed: [] })
    return { started: 0, parked: refs.length, skipped: 0 }
  }
  const claimed = await deps.store.claimDeliveries(refs, PLACE_WAIT_MS + target.timeoutMs + LEASE_MARGIN_MS)
  const placeless: ClaimedRow[] = []
  await Promise.all(
    claimed.map(async (delivery) => {
      const place = await findPlace(deps, delivery, target)
      if (place === undefined) placeless.push(delivery)
      else deps.attempts.start(delivery, target, place)
    }),
  )
  if (placeless.length > 0) await park(deps, lane, { refs: [], claimed: placeless })
  return { started: claimed.length - placeless.length, parked: placeless.length, skipped: 0 }
}

// In the same order for all, so that no two wait for each other.
async function findPlace(
  deps: Pick<Dispatching, 'lanes' | 'inFlightMax'>,
  delivery: ClaimedRow,
  target: DispatchTarget,
): Promise<Place | undefined> {
  const places: Place[] = []
  const wanted: [string, number][] = [
    [target.laneKey, target.concurrency],
    [`environment ${target.environmentId}`, target.deliveriesInFlightMax],
    ['all', deps.inFlightMax],
  ]
  if (delivery.payload === null) wanted.push(['large', LARGE_AT_ONCE_MAX])
  const leave = (): void => places.forEach((place) => place.leave())
  for (const [key, placesMax] of wanted) {
    const place = await deps.lanes.get(key, placesMax).enter(PLACE_WAIT_MS)
    if (place === undefined) return void leave()
    places.push(place)
  }
  return { leave }
}

interface Attempts {
  start(delivery: ClaimedRow, target: DispatchTarget, place: Place): void
  countInFlight(): number
  drain(): Promise<void>
}

// Attempts go on after their queue job: their leases cover a crash.
function createAttempts(deps: DispatchDeps, lanes: Lanes): Attempts {
  const underWay = new Set<Promise<void>>()
  const records = createGroupCommit<AttemptRecord, boolean>({
    weightMax: RECORD_GROUP_MAX,
    inFlightMax: RECORD_GROUPS_IN_FLIGHT_MAX,
    lingerMs: RECORD_LINGER_MS,
    waitingMax: RECORD_WAITING_MAX,
    run: (group) => recordPersistently(deps, group),
  })
  const attempt = async (delivery: ClaimedRow, target: DispatchTarget, place: Place): Promise<void> => {
    const startedAt = deps.ports.now()
    const reading = await carryOut(deps, delivery, target).finally(() => place.leave())
    if (reading.outcome === 'unsent') {
      return park(deps, lanes.get(target.laneKey, target.concurrency), { refs: [], claimed: [delivery] })
    }
    const attemptInRun = delivery.attemptCount - delivery.attemptOffset + 1
    const step = decideNextStep(reading, attemptInRun, { policy: target.retryPolicy, random: deps.random() })
    const record = { delivery, startedAt, reading, step }
    const isRecorded = await records.add(record)
    deps.observer.onAttempt(record, isRecorded)
    if (isRecorded) await tell(deps, record, target)
  }
  return {
    start: (delivery, target, place) => {
      const running = attempt(delivery, target, place)
        .catch((error: unknown) => deps.observer.onTrouble('delivery.attempt', error))
        .finally(() => underWay.delete(running))
      underWay.add(running)
    },
    countInFlight: () => underWay.size,
    drain: async () => {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}

async function carryOut(deps: DispatchDeps, row: ClaimedRow, target: DispatchTarget): Promise<AttemptReading> {
  const type = dispatchableTypes.get(target.type)
  if (type === undefined) throw new Error(`expected a known dispatchable type, got ${target.type}`)
  const payload = row.payload ?? (await deps.store.loadPayload(row))
  if (payload === undefined) throw new Error('the event of a claimed delivery is gone')
  return type.carryOut({ ...row, payload }, target, deps.ports)
}

async function park(
  deps: DispatchDeps,
  lane: Lane,
  group: { refs: DeliveryRef[]; claimed: ClaimedRow[] },
): Promise<void> {
  const all = [...group.refs, ...group.claimed]
  const delayMs = Math.round(Math.min(Math.max(lane.book(all.length), PARK_MS_MIN), PARK_MS_MAX))
  await deps.store.parkDeliveries(group.refs, group.claimed, delayMs)
  await publish(deps, all, delayMs)
}

async function tell(deps: DispatchDeps, record: AttemptRecord, target: DispatchTarget): Promise<void> {
  const { delivery, step } = record
  if (step.kind === 'retry') {
    await publish(deps, [{ ...delivery, attemptCount: delivery.attemptCount + 1 }], step.delayMs)
  }
  if (step.kind === 'discard' && step.reason === 'gone' && target.endpointId !== null) {
    await deps.store.disableEndpoint({ ...delivery, endpointId: target.endpointId }, 'gone')
  }
}

// What can't be announced is found by the scheduler: Postgres has it.
async function publish(deps: DispatchDeps, refs: DeliveryRef[], delayMs: number): Promise<void> {
  await deps.queue.publishDispatch(refs, { delayMs }).catch((error: unknown) => deps.observer.onTrouble('queue', error))
}

// An attempt that can't be recorded would be made again: while Postgres is away, its record waits.
async function recordPersistently(deps: DispatchDeps, group: AttemptRecord[]): Promise<boolean[]> {
  for (let tries = 1; ; tries++) {
    try {
      return await deps.store.recordAttempts(group)
    } catch (error) {
      if (tries >= RECORD_TRIES_MAX) throw error
      deps.observer.onTrouble('delivery.record', error)
      await new Promise((resolve) => setTimeout(resolve, RECORD_RETRY_MS))
    }
  }
}
