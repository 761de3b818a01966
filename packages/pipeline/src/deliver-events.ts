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
  type EventBody,
  type EventRef,
  type UndeliveredEvent,
} from '@signalbox/domain'

/** Reads what is to be delivered and writes what was decided. Each method is one transaction. */
export interface DeliverStore {
  loadUndelivered(refs: EventRef[]): Promise<UndeliveredEvent[]>
  /** Payload and context of events as JSON text, by `eventRecordId`. */
  loadBodies(refs: EventRef[]): Promise<Map<string, EventBody>>
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
  queue: DispatchQueue
  now: () => Date
  onPublishFailed?: (error: unknown, count: number) => void
  /** An environment's dispatchers can't be read: a bug, or a row that someone changed by hand. */
  onRulesUnreadable?: (error: unknown, scope: TenantScope) => void
}

/** Compiled sets that are kept at one time, least recently used first out. */
const MATCHERS_MAX = 2_000

/** Payloads in memory at one time: with events of the largest size still some tens of megabytes. */
const BODIES_AT_ONCE_MAX = 50

/** Deliveries of one statement: a group of events may have many times as many as it has events. */
const DELIVERIES_AT_ONCE_MAX = 5_000

const NO_BODY: EventBody = { payload: '{}', context: '{}' }

/** Creates the use case: load the group → match each event → write its deliveries → announce them. */
export function createDeliverEvents(deps: DeliverDeps): (refs: EventRef[]) => Promise<DeliverCounts> {
  const matchers = createMatcherCache(deps.store)
  return async (refs) => {
    const events = await deps.store.loadUndelivered(refs)
    const counts: DeliverCounts = { events: 0, deliveries: 0, failed: 0 }
    for await (const decisions of decideInPortions(deps, matchers, events)) {
      const written = await deps.store.writeDeliveries(decisions)
      await announce(deps, written)
      counts.events += decisions.length
      counts.deliveries += written.length
      counts.failed += decisions.filter((decision) => decision.failure !== null).length
    }
    return counts
  }
}

async function announce(deps: DeliverDeps, written: DeliveryRef[]): Promise<void> {
  if (written.length === 0) return
  await deps.queue.publishDispatch(written).catch((error: unknown) => deps.onPublishFailed?.(error, written.length))
}

// A portion is what is written at one time: however many an event goes to, memory holds few of its deliveries.
async function* decideInPortions(
  deps: DeliverDeps,
  matchers: MatcherCache,
  events: UndeliveredEvent[],
): AsyncGenerator<DeliverDecision[]> {
  let portion: DeliverDecision[] = []
  let deliveries = 0
  for await (const decision of decideEach(deps, matchers, events)) {
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
async function* decideEach(
  deps: DeliverDeps,
  matchers: MatcherCache,
  events: UndeliveredEvent[],
): AsyncGenerator<DeliverDecision> {
  const now = deps.now()
  const readers: { event: UndeliveredEvent; matcher: EventMatcher }[] = []
  for (const event of events) {
    const matcher = await findMatcher(deps, matchers, event)
    if (matcher === undefined) continue
    if (matcher.readsBody(event.name)) readers.push({ event, matcher })
    else yield decideDeliveries(withBody(event, NO_BODY), matcher, now)
  }
  for (let start = 0; start < readers.length; start += BODIES_AT_ONCE_MAX) {
    const chunk = readers.slice(start, start + BODIES_AT_ONCE_MAX)
    const bodies = await deps.store.loadBodies(chunk.map((reader) => reader.event))
    for (const { event, matcher } of chunk) {
      const body = bodies.get(event.eventRecordId)
      // Pruned or removed with its tenant in between: there is nothing left to deliver.
      if (body !== undefined) yield decideDeliveries(withBody(event, body), matcher, now)
    }
  }
}

// Rules that can't be read hold up the events of their environment, which wait in the outbox, and no one else's.
async function findMatcher(
  deps: DeliverDeps,
  matchers: MatcherCache,
  event: UndeliveredEvent,
): Promise<EventMatcher | undefined> {
  try {
    return await matchers.get(event, event.dispatcherSetVersion)
  } catch (error) {
    if (error instanceof SignalboxError) throw error
    deps.onRulesUnreadable?.(error, event)
    return undefined
  }
}

function withBody(event: UndeliveredEvent, body: EventBody): UndeliveredEvent & MatchableEvent {
  return {
    ...event,
    readPayload: () => JSON.parse(body.payload) as Json,
    readContext: () => JSON.parse(body.context) as Json,
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
    const { dispatcherIds, onceIds } = matcher.match(event, now)
    const deliveries = dispatcherIds.map((dispatcherId) => ({
      id: createId(),
      eventRecordId,
      dispatcherId,
      once: onceIds.includes(dispatcherId),
    }))
    return { organizationId, environmentId, eventRecordId, deliveries, failure: null }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { organizationId, environmentId, eventRecordId, deliveries: [], failure }
  }
}

interface MatcherCache {
  get(scope: TenantScope, version: string): Promise<EventMatcher>
}

// A set is used only for the very version that stood beside the event, so no event meets an older set than the one that
// was current when it was accepted. Concurrent loads of one environment are one load.
function createMatcherCache(store: Pick<DeliverStore, 'loadRules'>): MatcherCache {
  const kept = new Map<string, { version: string; matcher: Promise<EventMatcher> }>()
  const load = async (scope: TenantScope): Promise<EventMatcher> => {
    const { rules } = await store.loadRules(scope)
    return createEventMatcher(rules)
  }
  return {
    get: (scope, version) => {
      const key = scope.environmentId
      let entry = kept.get(key)
      kept.delete(key)
      if (entry === undefined || entry.version !== version) {
        entry = { version, matcher: load(scope) }
        const failing = entry
        failing.matcher.catch(() => {
          if (kept.get(key) === failing) kept.delete(key)
        })
      }
      kept.set(key, entry)
      if (kept.size > MATCHERS_MAX) kept.delete(kept.keys().next().value as string)
      return entry.matcher
    },
  }
}
