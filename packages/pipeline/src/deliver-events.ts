import { setImmediate } from 'node:timers/promises'
import {
  createEventMatcher,
  createId,
  SignalboxError,
  type DispatcherRule,
  type EventMatcher,
  type Json,
  type MatchableEvent,
  type TenantScope,
  type DeliverDecision,
  type DeliveryRef,
  type MatchableBody,
  type EventRef,
  type UndeliveredEvent,
} from '@signalbox/domain'
import type { DeliverQueue } from './accept-events.js'

/** Reads what is to be delivered and writes what was decided. Each method is one transaction. */
export interface DeliverStore {
  loadUndelivered(refs: EventRef[]): Promise<UndeliveredEvent[]>
  /** Payload and context of events as JSON text, by `eventRecordId`. */
  loadBodies(refs: EventRef[]): Promise<Map<string, MatchableBody>>
  /** Writes all decisions whose event is still undelivered; gives the deliveries written. */
  writeDeliveries(decisions: DeliverDecision[]): Promise<DeliveryRef[]>
  /** The environment's enabled, not manual, not deleted dispatchers, with the version that they belong to. */
  loadRules(scope: TenantScope): Promise<{ version: string; rules: DispatcherRule[] }>
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
}

/** What delivering needs; `now` is the worker's clock. */
export interface DeliverDeps {
  store: DeliverStore
  queue: DispatchQueue & DeliverQueue
  now: () => Date
  onPublishFailed?: (error: unknown, count: number) => void
  /** An environment's dispatchers can't be read: a bug, or a row that someone changed by hand. */
  onRulesUnreadable?: (error: unknown, scope: TenantScope) => void
}

/** Compiled sets that are kept at one time, and rules in all of them; least recently used first out. */
const MATCHERS_MAX = 2_000
const RULES_KEPT_MAX = 200_000

/** Payloads in memory at one time: with events of the largest size still some tens of megabytes. */
const BODIES_AT_ONCE_MAX = 50

/** Deliveries in memory at one time: a group of events may have many times as many as it has events. */
const DELIVERIES_AT_ONCE_MAX = 5_000

/** Deliveries after which a run ends: what is left of its group goes to the end of the queue, behind everyone else's. */
const DELIVERIES_OF_RUN_MAX = 10_000

/** Computing without a pause: on the thread of a run others wait, for their own runs and for the heartbeats of theirs. */
const COMPUTING_MS_MAX = 20

const NO_BODY: MatchableBody = {
  payload: '{}',
  context: '{}',
  eventId: '',
  timestamp: new Date(0),
  accountIdentifier: null,
}

/** Creates the use case: load the group → match each event → write its deliveries → announce them. */
export function createDeliverEvents(deps: DeliverDeps): (refs: EventRef[]) => Promise<DeliverCounts> {
  const matchers = createMatcherCache(deps.store)
  return async (refs) => {
    const loaded = await deps.store.loadUndelivered(refs)
    const events = await findMatchers(deps, matchers, loaded)
    const left = new Map(events.map(({ event }) => [event.eventRecordId, event]))
    const counts: DeliverCounts = { events: 0, deliveries: 0, failed: 0 }
    for await (const decisions of decideInPortions(deps, events)) {
      const written = await deps.store.writeDeliveries(decisions)
      await announce(deps, written)
      for (const decision of decisions) left.delete(decision.eventRecordId)
      counts.events += decisions.length
      counts.deliveries += written.length
      counts.failed += decisions.filter((decision) => decision.failure !== null).length
      if (counts.deliveries >= DELIVERIES_OF_RUN_MAX) {
        await giveBack(deps, [...left.values()])
        break
      }
    }
    return counts
  }
}

async function announce(deps: DeliverDeps, written: DeliveryRef[]): Promise<void> {
  if (written.length === 0) return
  await deps.queue.publishDispatch(written).catch((error: unknown) => deps.onPublishFailed?.(error, written.length))
}

async function giveBack(deps: DeliverDeps, events: UndeliveredEvent[]): Promise<void> {
  if (events.length === 0) return
  const refs = events.map(({ organizationId, eventRecordId }) => ({ organizationId, eventRecordId }))
  await deps.queue.publishDeliver(refs).catch((error: unknown) => deps.onPublishFailed?.(error, refs.length))
}

interface MatchedEvent {
  event: UndeliveredEvent
  matcher: EventMatcher
}

// Rules that can't be read hold up the events of their environment, which wait in the outbox, and no one else's.
// Small sets first: whoever wants few deliveries does not wait for a neighbour's thousands.
async function findMatchers(
  deps: DeliverDeps,
  matchers: MatcherCache,
  events: UndeliveredEvent[],
): Promise<MatchedEvent[]> {
  const found = new Map<string, EventMatcher | undefined>()
  const matched: MatchedEvent[] = []
  for (const event of events) {
    if (!found.has(event.environmentId)) found.set(event.environmentId, await findMatcher(deps, matchers, event))
    const matcher = found.get(event.environmentId)
    if (matcher !== undefined) matched.push({ event, matcher })
  }
  return found.size === 1 ? matched : matched.sort((a, b) => a.matcher.size - b.matcher.size)
}

async function findMatcher(
  deps: DeliverDeps,
  matchers: MatcherCache,
  event: UndeliveredEvent,
): Promise<EventMatcher | undefined> {
  try {
    return await matchers.get(event, event.dispatcherSetVersion)
  } catch (error) {
    if (error instanceof SignalboxError) throw error
    reportUnreadable(deps, event, error)
    return undefined
  }
}

// A portion is what is written at one time: however many an event goes to, memory holds few of its deliveries.
async function* decideInPortions(deps: DeliverDeps, events: MatchedEvent[]): AsyncGenerator<DeliverDecision[]> {
  let portion: DeliverDecision[] = []
  let deliveries = 0
  for await (const decision of decideEach(deps, events)) {
    if (portion.length > 0 && deliveries + decision.deliveries.length > DELIVERIES_AT_ONCE_MAX) {
      yield portion
      portion = []
      deliveries = 0
    }
    portion.push(decision)
    deliveries += decision.deliveries.length
  }
  if (portion.length > 0) yield portion
}

// Bodies are loaded only for events that some filter will look at, and a few at a time.
async function* decideEach(deps: DeliverDeps, events: MatchedEvent[]): AsyncGenerator<DeliverDecision> {
  const now = deps.now()
  const pause = createPause()
  const readers: MatchedEvent[] = []
  for (const one of events) {
    if (one.matcher.readsBody(one.event.name)) {
      readers.push(one)
    } else {
      yield decideDeliveries(withBody(one.event, NO_BODY), one.matcher, now)
      await pause()
    }
  }
  for (let start = 0; start < readers.length; start += BODIES_AT_ONCE_MAX) {
    const chunk = readers.slice(start, start + BODIES_AT_ONCE_MAX)
    const bodies = await deps.store.loadBodies(chunk.map(({ event }) => event))
    for (const { event, matcher } of chunk) {
      const body = bodies.get(event.eventRecordId)
      // Pruned or removed with its tenant in between: there is nothing left to deliver.
      if (body !== undefined) yield decideDeliveries(withBody(event, body), matcher, now)
      await pause()
    }
  }
}

function reportUnreadable(deps: DeliverDeps, event: UndeliveredEvent, error: unknown): void {
  const { organizationId, environmentId } = event
  deps.onRulesUnreadable?.(error, { organizationId, environmentId })
}

// Whether a run computed or waited meanwhile is not told apart: a pause too many costs next to nothing.
function createPause(): () => Promise<void> | undefined {
  let startedAt = performance.now()
  return () => {
    if (performance.now() - startedAt < COMPUTING_MS_MAX) return undefined
    return setImmediate().then(() => {
      startedAt = performance.now()
    })
  }
}

function withBody(event: UndeliveredEvent, body: MatchableBody): UndeliveredEvent & MatchableEvent {
  return {
    ...event,
    readPayload: () => JSON.parse(body.payload) as Json,
    readContext: () => JSON.parse(body.context) as Json,
    readEnvelope: () => body,
  }
}

/** Decides who gets an event. An event that can't be evaluated fails alone, with its reason. */
export function decideDeliveries(
  event: UndeliveredEvent & MatchableEvent,
  matcher: EventMatcher,
  now: Date,
): DeliverDecision {
  const { organizationId, environmentId, eventRecordId } = event
  try {
    const { dispatcherIds, onceIds, limitedCount } = matcher.match(event, now)
    const deliveries = dispatcherIds.map((dispatcherId) => ({
      id: createId(),
      eventRecordId,
      dispatcherId,
      once: onceIds.includes(dispatcherId),
    }))
    return { organizationId, environmentId, eventRecordId, deliveries, fanoutLimited: limitedCount, failure: null }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { organizationId, environmentId, eventRecordId, deliveries: [], fanoutLimited: 0, failure }
  }
}

interface MatcherCache {
  get(scope: TenantScope, version: string): Promise<EventMatcher>
}

interface KeptMatcher {
  version: string
  matcher: Promise<EventMatcher>
  /** Rules in it; 0 while it is being loaded. */
  size: number
}

// A set is used only for the very version that stood beside the event, so no event meets an older set than the one that
// was current when it was accepted. Concurrent loads of one environment are one load.
function createMatcherCache(store: Pick<DeliverStore, 'loadRules'>): MatcherCache {
  const kept = new Map<string, KeptMatcher>()
  let rulesKept = 0
  const drop = (key: string): void => {
    rulesKept -= kept.get(key)?.size ?? 0
    kept.delete(key)
  }
  const load = async (scope: TenantScope, entry: Pick<KeptMatcher, 'size'>): Promise<EventMatcher> => {
    const key = scope.environmentId
    try {
      const { rules } = await store.loadRules(scope)
      const matcher = createEventMatcher(rules)
      if (kept.get(key) === entry) {
        entry.size = matcher.size
        rulesKept += matcher.size
      }
      return matcher
    } catch (error) {
      if (kept.get(key) === entry) drop(key)
      throw error
    }
  }
  const makeRoom = (): void => {
    while (kept.size > 1 && (kept.size > MATCHERS_MAX || rulesKept > RULES_KEPT_MAX)) {
      drop(kept.keys().next().value as string)
    }
  }
  return {
    get: async (scope, version) => {
      const key = scope.environmentId
      let entry = kept.get(key)
      if (entry?.version === version) {
        kept.delete(key)
      } else {
        drop(key)
        const fresh = { version, size: 0 }
        entry = Object.assign(fresh, { matcher: load(scope, fresh) })
      }
      kept.set(key, entry)
      const matcher = await entry.matcher
      makeRoom()
      return matcher
    },
  }
}
