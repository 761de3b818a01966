import type { TenantScope } from './environment.js'
import type { AcceptedEvent, NewEvent } from './event.js'

/** An accepted event by our ids: all that a queue job carries. */
export interface EventRef {
  organizationId: string
  eventRecordId: string
}

/** A new event with the tenant it belongs to and the account it was resolved to. */
export interface ScopedEvent extends TenantScope {
  event: NewEvent
  externalAccountId: string | null
  accountIdentifier: string | null
}

/** What the store did with one event. `isDue`: it is durable, not delivered and due now, so it has to be queued. */
export interface StoredEvent {
  accepted: AcceptedEvent
  ref: EventRef
  isDue: boolean
}

/** A request that was made once already. */
export interface IdempotentRequest {
  keyHash: Buffer
  requestHash: Buffer
  buildAnswer: (events: AcceptedEvent[]) => { status: number; body: string }
}

/** What became of a request on its own. */
export type RequestOutcome =
  | { kind: 'stored'; events: StoredEvent[] }
  | { kind: 'replayed'; status: number; body: string }
  | { kind: 'conflict' }
