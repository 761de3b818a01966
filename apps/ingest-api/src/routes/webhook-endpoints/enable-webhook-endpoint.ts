import { shownEndpointSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { idParamsSchema } from '../id-params.js'
import { changeEndpoint } from './change-endpoint.js'

/** `POST /api/v1/webhook-endpoints/:id/enable`. */
export const enableWebhookEndpoint = defineRoute({
  method: 'POST',
  path: '/api/v1/webhook-endpoints/:id/enable',
  operationId: 'enableWebhookEndpoint',
  summary: 'Enable a webhook endpoint',
  description: 'Deliveries that ended meanwhile stay as they are until they are replayed.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The endpoint', schema: shownEndpointSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, deps) =>
    await changeEndpoint(deps, { environment, id }, { settings: { enabled: true }, subscription: {} }),
})
