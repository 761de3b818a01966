import type { FilterLanguage } from '../dispatcher.js'
import type { Json, JsonObject } from '../json.js'
import { readRequestPayload } from '../request-payload.js'
import type { MatchableEvent } from './matchable-event.js'

/** Length of a timestamp up to its seconds: `2026-11-20T17:30:00`. */
const SECONDS_LENGTH = 19

/**
 * Gives an event in the shape in which EventBridge patterns see it. `time` is to the second, as EventBridge writes it;
 * `account` is the tenant's identifier of the account, `""` without one. Throws `RequestPayloadError`.
 */
export function buildEnvelope(event: MatchableEvent): JsonObject {
  const { eventId, timestamp, accountIdentifier } = event.readEnvelope()
  return {
    version: '0',
    id: eventId,
    'detail-type': event.name,
    source: event.source,
    account: accountIdentifier ?? '',
    time: `${timestamp.toISOString().slice(0, SECONDS_LENGTH)}Z`,
    region: '',
    resources: [],
    detail: readRequestPayload(event.payloadType, event.readPayload()),
  }
}

/**
 * Gives what a payload filter sees: the payload, or the whole envelope when it is an EventBridge pattern. Throws
 * `RequestPayloadError`.
 */
export function readFilteredValue(language: FilterLanguage, event: MatchableEvent): Json {
  return language === 'eventbridge' ? buildEnvelope(event) : readRequestPayload(event.payloadType, event.readPayload())
}
