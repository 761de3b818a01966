import type { PayloadType } from '../event.js'
import type { WorkBudget } from '../filter/index.js'
import type { Json } from '../json.js'

/** An event as the matcher reads it. What filters look at is read only when a candidate has a filter on it. */
export interface MatchableEvent {
  name: string
  source: string
  externalAccountId: string | null
  payloadType: PayloadType
  readPayload: () => Json
  readContext: () => Json
  /** What EventBridge patterns see beside name, source and payload. */
  readEnvelope: () => EventEnvelope
  /** What filters may still cost on this event. Without it every call has the budget of one event. */
  budget?: WorkBudget
}

/** What the envelope of an event says that is no part of its payload. */
export interface EventEnvelope {
  /** The caller's id of the event. */
  eventId: string
  timestamp: Date
  /** The tenant's own identifier of the account that the event names. */
  accountIdentifier: string | null
}

/** The dispatchers that want an event, in the order of their ids. */
export interface MatchResult {
  dispatcherIds: string[]
  /** Those of them that take one event only. */
  onceIds: string[]
  /** How many more would have wanted it, beyond the fan-out of one event. */
  limitedCount: number
}
