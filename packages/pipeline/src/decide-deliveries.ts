import {
  createId,
  type DeliverDecision,
  type EventMatcher,
  FilterTooExpensiveError,
  type Json,
  type MatchableBody,
  type MatchableEvent,
  type MatchResult,
  type NewDelivery,
  RequestPayloadError,
  type UndeliveredEvent,
} from '@signalbox/domain'

/**
 * Decides who gets an event. One that can't be evaluated for what is in it fails alone, with its reason. Throws anything
 * else that goes wrong: that says nothing of the event.
 */
export function decideDeliveries(
  event: UndeliveredEvent & MatchableEvent,
  matcher: EventMatcher,
  now: Date,
): DeliverDecision {
  const { organizationId, environmentId, eventRecordId, fanoutMax } = event
  const decided = { organizationId, environmentId, eventRecordId }
  try {
    const found = matcher.match(event, now, { fanoutMax })
    const deliveries = toDeliveries(eventRecordId, found)
    const decision = { ...decided, deliveries, fanoutLimited: found.limitedCount, failure: null }
    if (found.limitedCount === 0 || found.onceIds.length === 0) return decision
    // Some may have been used up elsewhere, which shows when it is written: their places are for others then.
    const more = matcher.match(event, now, { fanoutMax: fanoutMax + found.onceIds.length })
    const spares = toDeliveries(eventRecordId, more).slice(fanoutMax)
    return { ...decision, spares: spares.filter((delivery) => !delivery.once) }
  } catch (error) {
    if (!(error instanceof RequestPayloadError || error instanceof FilterTooExpensiveError)) throw error
    return { ...decided, deliveries: [], fanoutLimited: 0, failure: error.message }
  }
}

function toDeliveries(eventRecordId: string, { dispatcherIds, onceIds }: MatchResult): NewDelivery[] {
  const once = new Set(onceIds)
  return dispatcherIds.map((dispatcherId) => ({
    id: createId(),
    eventRecordId,
    dispatcherId,
    once: once.has(dispatcherId),
  }))
}

const NO_BODY: MatchableBody = {
  payload: '{}',
  context: '{}',
  eventId: '',
  timestamp: new Date(0),
  accountIdentifier: null,
}

/** Joins an event with what filters look at; without it, for events whose candidates have no filter. */
export function withBody(event: UndeliveredEvent, body = NO_BODY): UndeliveredEvent & MatchableEvent {
  return {
    ...event,
    readPayload: () => JSON.parse(body.payload) as Json,
    readContext: () => JSON.parse(body.context) as Json,
    readEnvelope: () => body,
  }
}
