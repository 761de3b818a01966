import {
  DELIVERIES_OF_STATEMENT_MAX,
  type DeliverDecision,
  type DeliveryRef,
  type EventRef,
  type MatchableBody,
  type UndeliveredEvent,
} from '@signalbox/domain'
import type { DeliverQueue } from './accept-events.js'
import { createPause, type Pause } from './create-pause.js'
import { decideDeliveries, withBody } from './decide-deliveries.js'
import { createEventGroup, type EventGroup, type GroupedEvent } from './event-group.js'
import { createMatcherCache, type MatcherCacheReports } from './matcher-cache.js'
import { createParkedEvents, type ParkedEvents } from './parked-events.js'
import { createQueryQueue, type QueryQueue } from './query-queue.js'
import type { RuleSet } from './rule-set.js'
import type { SetMemoryStats } from './set-memory.js'
import type { RuleStore } from './sync-rules.js'

/** Reads what is to be delivered and writes what was decided. Each method is one transaction. */
export interface DeliverStore extends RuleStore {
  loadUndelivered(refs: EventRef[]): Promise<UndeliveredEvent[]>
  /** Payload and context of events as JSON text, by `eventRecordId`. */
  loadBodies(refs: EventRef[]): Promise<Map<string, MatchableBody>>
  /**
   * Writes all decisions whose event is still undelivered; gives the deliveries written. Takes one decision, or several with
   * `DELIVERIES_OF_STATEMENT_MAX` deliveries together at most.
   */
  writeDeliveries(decisions: DeliverDecision[]): Promise<DeliveryRef[]>
}

/** Where written deliveries are announced. Losing an announcement loses nothing: the outbox has it. */
export interface DispatchQueue {
  publishDispatch(refs: DeliveryRef[], options?: { delayMs: number }): Promise<void>
}

/** What one run did. */
export interface DeliverCounts {
  events: number
  deliveries: number
  failed: number
  /** Deliveries that there are not, because their events would have gone to too many dispatchers. */
  fanoutLimited: number
  /** Events that wait until the rules of their environment are there. */
  parked: number
}

/** What delivering needs; `now` is the worker's clock. */
export interface DeliverDeps {
  store: DeliverStore
  queue: DispatchQueue & DeliverQueue
  now: () => Date
  /** Memory of the rules of all environments together. */
  matchersBytesMax: number
  /** How often rules in use are looked through for those that have ended unnoticed; a minute, unless it is said. */
  endedEveryMs?: number
  observer?: DeliverObserver
}

/** Is told of what happens, for logs and metrics; whatever it does not listen to goes by. */
export interface DeliverObserver extends MatcherCacheReports {
  /** Told of every run, of queue jobs and of parked events, and of one that failed what it had done until then. */
  onDelivered?: (counts: DeliverCounts, durationMs: number) => void
  onPublishFailed?: (error: unknown, count: number) => void
  /** Matching an event has thrown, for no reason that is the event's own: it waits in the outbox. */
  onMatchFailed?: (error: unknown, event: EventRef) => void
  /** Parked events could not be delivered: they come again from the outbox. */
  onResumeFailed?: (error: unknown, count: number) => void
}

/** The use case, and what it holds between two runs. */
export interface DeliverEvents {
  deliver(refs: EventRef[]): Promise<DeliverCounts>
  stats(): SetMemoryStats & { parkedEvents: number }
  /** Called when no run is under way and none begins. Gives events that wait here to other workers. */
  stop(): Promise<void>
}

/** Payloads in memory at one time: with events of the largest size still some tens of megabytes. */
const BODIES_AT_ONCE_MAX = 50

/** Deliveries after which a run ends: what is left of its group goes to the end of the queue, behind everyone else's. */
const DELIVERIES_OF_RUN_MAX = 10_000

/**
 * Groups of a worker that are written side by side contend for the last pages of the same indexes: one after another they cost
 * Postgres an eighth less for each event. What writes more deliveries than this, and what waits for the locks of dispatchers
 * that take one event only, takes no turn, so that nobody waits for it.
 */
const WRITES_AT_ONCE_MAX = 1
const DELIVERIES_OF_TURN_MAX = 1_000

/** An ephemeral dispatcher that another worker used up is tried in vain for so long, and takes memory. */
const ENDED_EVERY_MS = 60_000

/** How often a run waits for rules that change at this very moment, before it parks their events. */
const WAITS_MAX = 3

/** Creates the use case: load the group → match each event whose rules are there → write → announce → park the rest. */
export function createDeliverEvents(deps: DeliverDeps): DeliverEvents {
  const pause = createPause()
  const writes = createQueryQueue(WRITES_AT_ONCE_MAX)
  const { store, now, matchersBytesMax: bytesMax, endedEveryMs = ENDED_EVERY_MS, observer = {} } = deps
  const matchers = createMatcherCache({ store, now, pause, bytesMax, endedEveryMs, reports: observer })
  const deliver = async (refs: EventRef[]): Promise<DeliverCounts> => {
    const startedAt = performance.now()
    const group = createEventGroup(matchers, await deps.store.loadUndelivered(refs))
    const counts: DeliverCounts = { events: 0, deliveries: 0, failed: 0, fanoutLimited: 0, parked: 0 }
    try {
      await deliverGroup({ ...deps, pause, parked, writes }, group, counts)
      return counts
    } finally {
      group.release()
      // Of a run that failed too: its portions before were written and announced.
      deps.observer?.onDelivered?.(counts, Math.round(performance.now() - startedAt))
    }
  }
  const parked = createParkedEvents({
    resume: deliver,
    hold: ({ scope }) => void matchers.take(scope),
    release: (set) => matchers.release(set),
    onFailed: observer.onResumeFailed,
  })
  return {
    deliver,
    stats: () => ({ ...matchers.stats(), parkedEvents: parked.countWaiting() }),
    stop: async () => {
      await giveBack(deps, await parked.stop())
      await matchers.stop()
    },
  }
}

interface RunDeps extends DeliverDeps {
  pause: Pause
  parked: ParkedEvents
  writes: QueryQueue
}

// Events whose rules are there don't wait for those whose rules are not: these come second, or later from where they park.
async function deliverGroup(deps: RunDeps, group: EventGroup, counts: DeliverCounts): Promise<void> {
  for (let waits = 0; ; waits += 1) {
    for await (const decisions of decideInPortions(deps, group)) {
      const written = await write(deps, decisions)
      await announce(deps, written)
      forgetUsedUp(decisions, written)
      for (const { decision } of decisions) group.settle(decision.eventRecordId)
      addCounts(counts, decisions, written)
      if (counts.deliveries >= DELIVERIES_OF_RUN_MAX) {
        await giveBack(
          deps,
          group.listLeft().flatMap(({ events }) => events),
        )
        return
      }
    }
    if (waits === WAITS_MAX || !(await group.waitForRules())) break
  }
  for (const { set, version, events } of group.listLeft()) {
    counts.parked += deps.parked.park(set, version, events.map(toRef))
  }
}

function write({ store, writes }: RunDeps, decided: Decided[]): Promise<DeliveryRef[]> {
  const decisions = decided.map(({ decision }) => decision)
  const count = decisions.reduce((sum, { deliveries }) => sum + deliveries.length, 0)
  const mayWaitForLocks = decisions.some(({ deliveries }) => deliveries.some(({ once }) => once))
  if (count > DELIVERIES_OF_TURN_MAX || mayWaitForLocks) return store.writeDeliveries(decisions)
  return writes.run(() => store.writeDeliveries(decisions))
}

interface Decided {
  decision: DeliverDecision
  set: RuleSet
}

// A portion is what is written at one time: however many an event goes to, memory holds few of its deliveries. Bodies are
// loaded only for events that some filter will look at, and a few at a time. Whether the rules serve is asked in the same
// turn as the matching: between two turns they may have begun to change.
async function* decideInPortions(deps: RunDeps, group: EventGroup): AsyncGenerator<Decided[]> {
  const now = deps.now()
  const portions = createPortions()
  const readers: GroupedEvent[] = []
  for (const { event, set } of group.list()) {
    if (!set.serves(event.dispatcherSetVersion)) continue
    let full: Decided[] | undefined
    // Whether a rule that can't be read wants the event is not known: it waits in the outbox, with those like it alone.
    if (set.holdsUp(event.name)) group.settle(event.eventRecordId)
    else if (set.matcher.readsBody(event.name)) readers.push({ event, set })
    else full = portions.add(decide(deps, group, { event, set, now }))
    if (full !== undefined) yield full
    const pausing = deps.pause()
    if (pausing !== undefined) await pausing
  }
  for (let start = 0; start < readers.length; start += BODIES_AT_ONCE_MAX) {
    const chunk = readers.slice(start, start + BODIES_AT_ONCE_MAX)
    const bodies = await deps.store.loadBodies(chunk.map(({ event }) => event))
    for (const { event, set } of chunk) {
      const body = bodies.get(event.eventRecordId)
      let full: Decided[] | undefined
      // Pruned or removed with its tenant in between: there is nothing left to deliver.
      if (body === undefined) group.settle(event.eventRecordId)
      else if (set.serves(event.dispatcherSetVersion) && !set.holdsUp(event.name))
        full = portions.add(decide(deps, group, { event, set, now, body }))
      if (full !== undefined) yield full
      const pausing = deps.pause()
      if (pausing !== undefined) await pausing
    }
  }
  const last = portions.take()
  if (last.length > 0) yield last
}

function createPortions() {
  let portion: Decided[] = []
  let deliveries = 0
  const take = (): Decided[] => {
    const taken = portion
    portion = []
    deliveries = 0
    return taken
  }
  return {
    /** Gives the portion before, when there is no room in it for this decision. */
    add: (decided: Decided | undefined): Decided[] | undefined => {
      if (decided === undefined) return undefined
      const count = decided.decision.deliveries.length
      const full = portion.length > 0 && deliveries + count > DELIVERIES_OF_STATEMENT_MAX ? take() : undefined
      portion.push(decided)
      deliveries += count
      return full
    },
    take,
  }
}

// An event that the rules choke on stays in the outbox, and the others of its environment wait for rules that are sound.
function decide(
  deps: RunDeps,
  group: EventGroup,
  { event, set, now, body }: GroupedEvent & { now: Date; body?: MatchableBody },
): Decided | undefined {
  try {
    return { decision: decideDeliveries(withBody(event, body), set.matcher, now), set }
  } catch (error) {
    group.settle(event.eventRecordId)
    set.distrust()
    deps.observer?.onMatchFailed?.(error, toRef(event))
    return undefined
  }
}

async function announce(deps: DeliverDeps, written: DeliveryRef[]): Promise<void> {
  if (written.length === 0) return
  await deps.queue
    .publishDispatch(written)
    .catch((error: unknown) => deps.observer?.onPublishFailed?.(error, written.length))
}

async function giveBack(deps: DeliverDeps, events: EventRef[]): Promise<void> {
  if (events.length === 0) return
  const refs = events.map(toRef)
  await deps.queue.publishDeliver(refs).catch((error: unknown) => deps.observer?.onPublishFailed?.(error, refs.length))
}

function toRef({ organizationId, eventRecordId }: EventRef): EventRef {
  return { organizationId, eventRecordId }
}

// Only what was written: another delivery to the same dispatcher may have been refused for any reason.
function forgetUsedUp(decided: Decided[], written: DeliveryRef[]): void {
  if (!decided.some(({ decision }) => decision.deliveries.some(({ once }) => once))) return
  const ids = new Set(written.map(({ deliveryId }) => deliveryId))
  for (const { decision, set } of decided) {
    const used = decision.deliveries.filter(({ id, once }) => once && ids.has(id))
    set.forget(used.map(({ dispatcherId }) => dispatcherId))
  }
}

function addCounts(counts: DeliverCounts, decided: Decided[], written: DeliveryRef[]): void {
  counts.events += decided.length
  counts.deliveries += written.length
  for (const { decision } of decided) {
    counts.fanoutLimited += decision.fanoutLimited
    if (decision.failure !== null) counts.failed += 1
  }
}
