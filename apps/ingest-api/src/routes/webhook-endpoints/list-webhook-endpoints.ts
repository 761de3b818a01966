import { webhookEndpointListQuerySchema, webhookEndpointListSchema } from '@signalbox/api-contract'
import { readBeforeId } from '../../events/read-before-id.js'
import { defineRoute } from '../../route.js'
import { answerPage } from '../answer-page.js'
import { showEndpoint } from './show-endpoint.js'

/** `GET /api/v1/webhook-endpoints`: the environment's endpoints, newest first. */
export const listWebhookEndpoints = defineRoute({
  method: 'GET',
  path: '/api/v1/webhook-endpoints',
  operationId: 'listWebhookEndpoints',
  summary: 'List webhook endpoints, newest first',
  tags: ['Webhook endpoints'],
  access: 'secret',
  query: webhookEndpointListQuerySchema,
  responses: { 200: { description: 'One page of endpoints', schema: webhookEndpointListSchema } },
  problems: ['invalid'],
  handle: async ({ environment, query: { cursor, limit } }, { endpoints }) => {
    const position = readBeforeId(cursor)
    if ('problem' in position) return position
    return answerPage(await endpoints.listEndpoints(environment, { ...position, limit }), showEndpoint)
  },
})
