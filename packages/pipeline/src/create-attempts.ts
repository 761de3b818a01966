import {
  type AttemptReading,
  type AttemptRecord,
  type ClaimedDelivery,
  type ClaimedRow,
  decideNextStep,
  type DispatchTarget,
  type EventBody,
  SignalboxError,
} from '@signalbox/domain'
import type { DispatchDeps } from './dispatch-deliveries.js'
import { dispatchableTypes } from './dispatchables/index.js'
import { createGroupCommit, type ItemFailure } from './group-commit.js'
import type { Place } from './lanes.js'
import { runInHalves } from './run-in-halves.js'

/** Attempts under way. They go on after their queue job: their leases cover a crash. */
export interface Attempts {
  /** Sends a claimed delivery that has its place; the place is left when the exchange has ended. */
  start(delivery: ClaimedRow, target: DispatchTarget, place: Place): void
  countInFlight(): number
  /** Resolves when everything that was started is recorded. */
  drain(): Promise<void>
}

/** A lease covers waiting and the exchange, and leaves this long for recording, also while Postgres restarts. */
export const LEASE_MARGIN_MS = 15_000

const RECORD_GROUP_MAX = 200
const RECORD_GROUPS_IN_FLIGHT_MAX = 2
/** Nobody waits for a record, and its lease holds for seconds: a short wait makes one statement of many. */
const RECORD_LINGER_MS = 25
const RECORD_WAITING_MAX = 100_000
/** While Postgres is away, recording is tried again for as long as the leases hold. */
const RECORD_RETRY_MS = 500
const RECORD_FOR_MS = LEASE_MARGIN_MS - 1_000
const ERROR_CHARACTERS_MAX = 500

/** Creates the part of dispatching that sends, decides, records and tells. `onUnsent` puts a delivery off. */
export function createAttempts(
  deps: DispatchDeps,
  onUnsent: (delivery: ClaimedRow, target: DispatchTarget) => Promise<void>,
): Attempts {
  let underWay = 0
  const idleListeners: (() => void)[] = []
  const records = createGroupCommit<AttemptRecord, boolean>({
    weightMax: RECORD_GROUP_MAX,
    inFlightMax: RECORD_GROUPS_IN_FLIGHT_MAX,
    lingerMs: RECORD_LINGER_MS,
    waitingMax: RECORD_WAITING_MAX,
    run: (group) => recordGroup(deps, group),
  })
  const attempt = async (delivery: ClaimedRow, target: DispatchTarget, place: Place): Promise<void> => {
    const startedAt = deps.ports.now()
    let reading: AttemptReading
    try {
      reading = await carryOut(deps, delivery, target)
    } finally {
      place.leave()
    }
    if (reading.outcome === 'unsent') return onUnsent(delivery, target)
    const attemptInRun = delivery.attemptCount - delivery.attemptOffset + 1
    const step = decideNextStep(reading, attemptInRun, { policy: target.retryPolicy, random: deps.random() })
    const record = { delivery, startedAt, reading, step }
    const isRecorded = await records.add(record)
    deps.observer.onAttempt(record, isRecorded)
    if (isRecorded && step.kind !== 'complete') await tell(deps, record, target)
  }
  const end = (): void => {
    underWay -= 1
    if (underWay > 0) return
    for (const listener of idleListeners.splice(0)) listener()
  }
  return {
    start: (delivery, target, place) => {
      underWay += 1
      attempt(delivery, target, place).then(end, (error: unknown) => {
        end()
        deps.observer.onTrouble('delivery.attempt', error)
      })
    },
    countInFlight: () => underWay,
    drain: async () => {
      while (underWay > 0) await new Promise<void>((resolve) => idleListeners.push(resolve))
    },
  }
}

// What throws here would throw again: it counts as an attempt, so that a failing delivery always ends. Only when Postgres
// is away is nothing counted, and the lease runs out.
async function carryOut(deps: DispatchDeps, row: ClaimedRow, target: DispatchTarget): Promise<AttemptReading> {
  try {
    const type = dispatchableTypes.get(target.type)
    if (type === undefined) throw new Error(`expected a known dispatchable type, got ${target.type}`)
    const body = row.body ?? (await deps.store.loadBody(row))
    if (body === undefined) throw new Error('the event of a claimed delivery is gone')
    return await type.carryOut(withBody(row, body), target, deps.ports)
  } catch (error) {
    if (error instanceof SignalboxError) throw error
    deps.observer.onTrouble('delivery.carry_out', error)
    const errorDetail = String(error instanceof Error ? error.message : error).slice(0, ERROR_CHARACTERS_MAX)
    return { outcome: 'failed', durationMs: 0, errorCode: 'internal', errorDetail }
  }
}

// The usual body came with the claim: nothing is copied then.
function withBody(row: ClaimedRow, body: EventBody): ClaimedDelivery {
  return row.body === null ? { ...row, body } : (row as ClaimedDelivery)
}

async function tell(deps: DispatchDeps, { delivery, step }: AttemptRecord, target: DispatchTarget): Promise<void> {
  if (step.kind === 'retry') {
    const next = { ...delivery, attemptCount: delivery.attemptCount + 1 }
    await deps.queue
      .publishDispatch([next], { delayMs: step.delayMs })
      .catch((error: unknown) => deps.observer.onTrouble('queue', error))
  }
  if (step.kind === 'discard' && step.reason === 'gone' && target.endpointId !== null) {
    await deps.store.disableEndpoint({ ...delivery, endpointId: target.endpointId }, 'gone')
  }
}

// An attempt that can't be recorded would be made again: while Postgres is away, its record waits. A record that breaks the
// statement does so alone: the others must not be attempted again for it, nor it for what its answer held.
async function recordGroup(deps: DispatchDeps, group: AttemptRecord[]): Promise<(boolean | ItemFailure)[]> {
  const giveUpAt = performance.now() + RECORD_FOR_MS
  return runInHalves(group, async (part) => {
    try {
      return await recordPersistently(deps, part, giveUpAt)
    } catch (error) {
      const [first] = part
      if (error instanceof SignalboxError || part.length > 1 || first === undefined) throw error
      deps.observer.onTrouble('delivery.record', error)
      return recordPersistently(deps, [withoutAnswer(first)], giveUpAt)
    }
  })
}

async function recordPersistently(deps: DispatchDeps, part: AttemptRecord[], giveUpAt: number): Promise<boolean[]> {
  for (;;) {
    try {
      return await deps.store.recordAttempts(part)
    } catch (error) {
      if (!(error instanceof SignalboxError) || performance.now() + RECORD_RETRY_MS > giveUpAt) throw error
      deps.observer.onTrouble('delivery.record', error)
      await new Promise((resolve) => setTimeout(resolve, RECORD_RETRY_MS))
    }
  }
}

/** What is ours to say of an attempt, without what the receiver wrote. */
function withoutAnswer(record: AttemptRecord): AttemptRecord {
  const { outcome, durationMs, status } = record.reading
  const reading = { outcome, durationMs, ...(status === undefined ? {} : { status }), errorCode: 'unrecordable' }
  return { ...record, reading }
}
