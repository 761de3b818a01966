import { shownEndpointSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { idParamsSchema } from '../id-params.js'
import { changeEndpoint } from './change-endpoint.js'

/** `POST /api/v1/webhook-endpoints/:id/disable`. */
export const disableWebhookEndpoint = defineRoute({
  method: 'POST',
  path: '/api/v1/webhook-endpoints/:id/disable',
  operationId: 'disableWebhookEndpoint',
  summary: 'Disable a webhook endpoint',
  description: 'Deliveries to it end as skipped, those that are on their way included.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The endpoint', schema: shownEndpointSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, deps) =>
    await changeEndpoint(deps, { environment, id }, { settings: { enabled: false }, subscription: {} }),
})
