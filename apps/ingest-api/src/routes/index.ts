import type { Route } from '../route.js'
import { cancelEvent } from './events/cancel-event.js'
import { getEvent } from './events/get-event.js'
import { listEventDeliveries } from './events/list-event-deliveries.js'
import { listEvents } from './events/list-events.js'
import { postEvent } from './events/post-event.js'
import { postEventsBulk } from './events/post-events-bulk.js'
import { replayEvent } from './events/replay-event.js'

/** Every endpoint, the most used first: Express, the OpenAPI document and the tenancy test are made from this list. */
export const routes: readonly Route[] = [
  postEvent,
  postEventsBulk,
  getEvent,
  listEvents,
  listEventDeliveries,
  cancelEvent,
  replayEvent,
]
