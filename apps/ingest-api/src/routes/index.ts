import type { Route } from '../route.js'
import { listAccounts } from './accounts/list-accounts.js'
import { postAccount } from './accounts/post-account.js'
import { getAccount } from './accounts/get-account.js'
import { patchAccount } from './accounts/patch-account.js'
import { putAccount } from './accounts/put-account.js'
import { deleteAccount } from './accounts/delete-account.js'
import { listDispatchers } from './dispatchers/list-dispatchers.js'
import { postDispatcher } from './dispatchers/post-dispatcher.js'
import { postEphemeralDispatcher } from './dispatchers/post-ephemeral-dispatcher.js'
import { testDispatcher } from './dispatchers/test-dispatcher.js'
import { getDispatcher } from './dispatchers/get-dispatcher.js'
import { patchDispatcher } from './dispatchers/patch-dispatcher.js'
import { deleteDispatcher } from './dispatchers/delete-dispatcher.js'
import { enableDispatcher } from './dispatchers/enable-dispatcher.js'
import { disableDispatcher } from './dispatchers/disable-dispatcher.js'
import { listDeliveries } from './deliveries/list-deliveries.js'
import { getDelivery } from './deliveries/get-delivery.js'
import { replayDelivery } from './deliveries/replay-delivery.js'
import { cancelEvent } from './events/cancel-event.js'
import { getEvent } from './events/get-event.js'
import { listEventDeliveries } from './events/list-event-deliveries.js'
import { listEvents } from './events/list-events.js'
import { postEvent } from './events/post-event.js'
import { postEventsBulk } from './events/post-events-bulk.js'
import { replayEvent } from './events/replay-event.js'
import { listWebhookEndpoints } from './webhook-endpoints/list-webhook-endpoints.js'
import { postWebhookEndpoint } from './webhook-endpoints/post-webhook-endpoint.js'
import { getWebhookEndpoint } from './webhook-endpoints/get-webhook-endpoint.js'
import { patchWebhookEndpoint } from './webhook-endpoints/patch-webhook-endpoint.js'
import { deleteWebhookEndpoint } from './webhook-endpoints/delete-webhook-endpoint.js'
import { enableWebhookEndpoint } from './webhook-endpoints/enable-webhook-endpoint.js'
import { disableWebhookEndpoint } from './webhook-endpoints/disable-webhook-endpoint.js'
import { rotateWebhookSecret } from './webhook-endpoints/rotate-webhook-secret.js'

/** Every endpoint, the most used first: Express, the OpenAPI document and the tenancy test are made from this list. */
export const routes: readonly Route[] = [
  postEvent,
  postEventsBulk,
  getEvent,
  listEvents,
  listEventDeliveries,
  cancelEvent,
  replayEvent,
  listAccounts,
  postAccount,
  getAccount,
  patchAccount,
  putAccount,
  deleteAccount,
  listDispatchers,
  postDispatcher,
  postEphemeralDispatcher,
  testDispatcher,
  getDispatcher,
  patchDispatcher,
  deleteDispatcher,
  enableDispatcher,
  disableDispatcher,
  listWebhookEndpoints,
  postWebhookEndpoint,
  getWebhookEndpoint,
  patchWebhookEndpoint,
  deleteWebhookEndpoint,
  enableWebhookEndpoint,
  disableWebhookEndpoint,
  rotateWebhookSecret,
  listDeliveries,
  getDelivery,
  replayDelivery,
]
