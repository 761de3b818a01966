import type { AccountStore, DeliveryStore, DispatcherStore, EndpointStore, EventStore } from '@signalbox/db'
import type { DeliveryRef } from '@signalbox/domain'
import type { TargetUrlVerdict } from '@signalbox/egress'
import type { AcceptEvents } from '@signalbox/pipeline'
import type { Logger } from '@signalbox/runtime'
import type { MissLimiter } from './auth/create-miss-limiter.js'
import type { RateLimiter } from './auth/create-rate-limiter.js'

/** What handlers may use; `compose.ts` makes it. Add a store with one line here and one there. */
export interface ApiDeps {
  acceptEvents: AcceptEvents
  events: EventStore
  accounts: AccountStore
  dispatchers: DispatcherStore
  endpoints: EndpointStore
  deliveries: DeliveryStore
  /** Checks a URL that a tenant chose through the address guard, its present addresses included. */
  checkTarget(url: string): Promise<TargetUrlVerdict>
  /** Announces deliveries that are due now. Losing it loses nothing: the outbox has them. */
  publishDispatch(deliveries: DeliveryRef[]): Promise<void>
  /** Counts accepted events of each environment that has a limit of them. */
  eventRates: RateLimiter
  /** Counts what each environment asks for and does not have. */
  misses: MissLimiter
  logger: Logger
}
