import type { shownEndpointSchema, webhookEndpointSchema } from '@signalbox/api-contract'
import type { StoredEndpoint } from '@signalbox/db'
import { DEFAULT_RETRY_POLICY } from '@signalbox/domain'
import type { z } from 'zod'
import { showIndex } from '../dispatchers/show-index.js'

/** What stands where a header's value was. */
const MASK = '••••••••'

type ListedEndpoint = z.input<typeof webhookEndpointSchema>

/** An endpoint as the API answers it: no secret, and of its headers the names. */
export function showEndpoint(endpoint: StoredEndpoint): ListedEndpoint {
  const { subscription } = endpoint
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    dispatcherId: subscription?.id ?? null,
    dispatcherEnabled: subscription?.enabled ?? null,
    events: subscription?.eventNames ?? [],
    source: subscription?.source ?? null,
    filter: subscription?.payloadFilter ?? null,
    filterLanguage: subscription?.filterLanguage ?? 'signalbox',
    contextFilter: subscription?.contextFilter ?? null,
    accountId: subscription?.accountId ?? null,
    method: endpoint.method,
    headers: Object.fromEntries(endpoint.headerNames.map((name) => [name, MASK])),
    timeoutMs: endpoint.timeoutMs,
    concurrency: endpoint.concurrency,
    retryPolicy: (endpoint.retryPolicy ?? DEFAULT_RETRY_POLICY) as ListedEndpoint['retryPolicy'],
    signing: endpoint.signing,
    publicKey: endpoint.publicKey,
    enabled: endpoint.enabled,
    disabledReason: endpoint.disabledReason,
    createdAt: endpoint.createdAt.toISOString(),
    updatedAt: findLastChange(endpoint).toISOString(),
  }
}

/** An endpoint as the API answers it by itself: with what carries its filters. */
export function showEndpointInFull(endpoint: StoredEndpoint): z.input<typeof shownEndpointSchema> {
  const { subscription } = endpoint
  return { ...showEndpoint(endpoint), index: subscription && showIndex(subscription) }
}

/** Events and filters stand with the dispatcher: a change of them is one of the endpoint to its owner. */
function findLastChange({ updatedAt, subscription }: StoredEndpoint): Date {
  return subscription !== null && subscription.updatedAt > updatedAt ? subscription.updatedAt : updatedAt
}
