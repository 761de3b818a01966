import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'

/** `DELETE /api/v1/webhook-endpoints/:id`: with the dispatchers that send there. */
export const deleteWebhookEndpoint = defineRoute({
  method: 'DELETE',
  path: '/api/v1/webhook-endpoints/:id',
  operationId: 'deleteWebhookEndpoint',
  summary: 'Delete a webhook endpoint',
  description: 'Dispatchers that send there are deleted with it. Its deliveries stay to be looked at.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 204: { description: 'The endpoint is gone' } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, { endpoints, misses }) => {
    if (await endpoints.deleteEndpoint(environment, id)) return { status: 204 }
    return await answerMissing({ misses, environment }, 'webhook endpoint', () =>
      endpoints.isEndpointElsewhere(environment, id),
    )
  },
})
