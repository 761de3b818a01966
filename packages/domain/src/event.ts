import type { Json } from './json.js'

/** The source of an event that names none: trigger.dev v2's, so that its clients keep working. */
export const DEFAULT_EVENT_SOURCE = 'trigger.dev'

/** A dispatcher with this source takes events of every source. */
export const ANY_SOURCE = '*'

/** A pending event may be changed by sending it again until this long before it is due. */
export const EVENT_UPDATE_MARGIN_MS = 5_000

/** How a payload is to be read for matching: as it is, or as an HTTP request. */
export type PayloadType = 'JSON' | 'REQUEST'

/** An event that was validated and is about to be stored. Ids are ours except `eventId`, which is the caller's. */
export interface NewEvent {
  id: string
  eventId: string
  name: string
  source: string
  timestamp: Date
  payload: Json
  payloadType: PayloadType
  context: Json
  /** The fields that the caller gave: a re-sent event changes only those. */
  given: { payload: boolean; payloadType: boolean; context: boolean }
  deliverAt: Date
  isTest: boolean
  accountId?: string
  orderingKey?: string
  traceParent?: string
}

/** An event as it stands in the store after it was accepted: what the API answers with. */
export interface AcceptedEvent {
  eventId: string
  name: string
  payload: Json
  context: Json
  timestamp: Date
  deliverAt: Date
  deliveredAt: Date | null
  cancelledAt: Date | null
}

/** Where an event is on its way, as listings show it. */
export type EventState = 'pending' | 'scheduled' | 'delivered' | 'cancelled' | 'failed'

/** Tells whether an event counts as a test: marked so, or from a development environment, or named `test.…`. */
export function isTestEvent(event: { test?: boolean | undefined; name: string }, environmentType: string): boolean {
  return event.test ?? (environmentType === 'DEVELOPMENT' || event.name.startsWith('test.'))
}
