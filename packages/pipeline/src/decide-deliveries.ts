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
  const { eventRecordId, fanoutMax } = event
  try {
    const found = matcher.match(event, now, { fanoutMax })
    const decision = toDecision(event, toDeliveries(eventRecordId, found), found.limitedCount)
    if (found.limitedCount === 0 || found.onceIds.length === 0) return decision
    // Some may have been used up elsewhere, which shows when it is written: their places are for others then.
    const more = matcher.match(event, now, { fanoutMax: fanoutMax + found.onceIds.length })
    const spares = toDeliveries(eventRecordId, more).slice(fanoutMax)
    return { ...decision, spares: spares.filter((delivery) => !delivery.once) }
  } catch (error) {
    if (!(error instanceof RequestPayloadError || error instanceof FilterTooExpensiveError)) throw error
    return { ...toDecision(event, [], 0), failure: error.message }
  }
}

function toDecision(event: UndeliveredEvent, deliveries: NewDelivery[], fanoutLimited: number): DeliverDecision {
  const { organizationId, environmentId, eventRecordId } = event
  return { organizationId, environmentId, eventRecordId, deliveries, fanoutLimited, failure: null }
}

function toDeliveries(eventRecordId: string, { dispatcherIds, onceIds }: MatchResult): NewDelivery[] {
  const once = onceIds.length === 0 ? NONE : new Set(onceIds)
  return dispatcherIds.map((dispatcherId) => ({
    id: createId(),
    eventRecordId,
    dispatcherId,
    once: once.has(dispatcherId),
  }))
}

const NONE: ReadonlySet<string> = new Set()

const NO_BODY: MatchableBody = {
  payload: '{}',
  context: '{}',
  eventId: '',
  timestamp: new Date(0),
  accountIdentifier: null,
}

/**
 * Joins an event with what filters look at; without it, for events whose candidates have no filter. Written out: a spread
 * of each event costs as much as matching it.
 */
export function withBody(event: UndeliveredEvent, body?: MatchableBody): UndeliveredEvent & MatchableEvent {
  return {
    organizationId: event.organizationId,
    environmentId: event.environmentId,
    eventRecordId: event.eventRecordId,
    name: event.name,
    source: event.source,
    externalAccountId: event.externalAccountId,
    payloadType: event.payloadType,
    dispatcherSetVersion: event.dispatcherSetVersion,
    fanoutMax: event.fanoutMax,
    readPayload: body === undefined ? readNothing : () => JSON.parse(body.payload) as Json,
    readContext: body === undefined ? readNothing : () => JSON.parse(body.context) as Json,
    readEnvelope: body === undefined ? () => NO_BODY : () => body,
  }
}

function readNothing(): Json {
  return {}
}
