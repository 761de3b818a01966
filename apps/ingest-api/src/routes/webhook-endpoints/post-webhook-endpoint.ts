import {
  createdEndpointSchema,
  createEndpointBodySchema,
  createEndpointDocumentedSchema,
  ENDPOINT_CONCURRENCY,
  ENDPOINT_TIMEOUT_MS,
} from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { readAccountWish } from '../read-account-wish.js'
import { fillSubscription } from '../read-subscription.js'
import { refuseDispatcherLimit, refuseUnknownAccount } from '../refuse-field.js'
import { checkEndpoint, refuseUnsupported } from './check-endpoint.js'
import { readSigning, showSigning } from './read-signing.js'
import { showEndpointInFull } from './show-endpoint.js'

/** `POST /api/v1/webhook-endpoints`: an endpoint and the dispatcher that sends events there, in one call. */
export const postWebhookEndpoint = defineRoute({
  method: 'POST',
  path: '/api/v1/webhook-endpoints',
  operationId: 'createWebhookEndpoint',
  summary: 'Make a webhook endpoint and subscribe it to events',
  description:
    'The answer holds `secret`, with which receivers verify requests (Standard Webhooks): it is shown this once.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  body: createEndpointBodySchema,
  documentedBody: createEndpointDocumentedSchema,
  responses: { 201: { description: 'The endpoint, with its secret', schema: createdEndpointSchema } },
  problems: ['invalid', 'address_refused', 'not_supported_yet', 'unknown_account', 'limit_exceeded'],
  handle: async ({ environment, body }, { endpoints, checkTarget }) => {
    const unsupported = refuseUnsupported(body)
    if (unsupported !== undefined) return unsupported
    const read = readSigning(body)
    if ('problem' in read) return read
    const target = await checkEndpoint({ checkTarget }, { url: body.url, headers: body.headers })
    if ('problem' in target) return target
    const outcome = await endpoints.createEndpoint(environment, {
      settings: {
        url: target.url ?? body.url,
        description: body.description ?? '',
        method: body.method ?? 'POST',
        timeoutMs: body.timeoutMs ?? ENDPOINT_TIMEOUT_MS.default,
        concurrency: body.concurrency ?? ENDPOINT_CONCURRENCY.default,
        retryPolicy: body.retryPolicy ?? null,
        headers: target.headers ?? {},
        enabled: body.enabled ?? true,
      },
      secret: read.signing,
      subscription: {
        ...fillSubscription({ ...body, eventNames: body.events, payloadFilter: body.filter }),
        contextFilter: body.contextFilter ?? null,
        account: readAccountWish(environment, body.accountId ?? null),
      },
    })
    if (!outcome.ok) return outcome.code === 'limit_exceeded' ? refuseDispatcherLimit() : refuseUnknownAccount()
    return { status: 201, body: { ...showEndpointInFull(outcome.endpoint), ...showSigning(read.signing) } }
  },
})
