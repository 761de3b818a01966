import { shownEndpointSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'
import { showEndpointInFull } from './show-endpoint.js'

/** `GET /api/v1/webhook-endpoints/:id`. */
export const getWebhookEndpoint = defineRoute({
  method: 'GET',
  path: '/api/v1/webhook-endpoints/:id',
  operationId: 'getWebhookEndpoint',
  summary: 'Show a webhook endpoint',
  description: 'Never with its secret, and with masked values of its headers.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The endpoint', schema: shownEndpointSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, { endpoints, misses }) => {
    const endpoint = await endpoints.findEndpoint(environment, id)
    if (endpoint !== undefined) return { status: 200, body: showEndpointInFull(endpoint) }
    return await answerMissing({ misses, environment }, 'webhook endpoint', () =>
      endpoints.isEndpointElsewhere(environment, id),
    )
  },
})
