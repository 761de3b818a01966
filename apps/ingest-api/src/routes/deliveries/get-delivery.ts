import { deliveryDetailsSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'
import { showDeliveryDetails } from './show-delivery.js'

/** `GET /api/v1/deliveries/:id`: one delivery with its attempts. */
export const getDelivery = defineRoute({
  method: 'GET',
  path: '/api/v1/deliveries/:id',
  operationId: 'getDelivery',
  summary: 'Show a delivery with its attempts',
  tags: ['Deliveries'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The delivery', schema: deliveryDetailsSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, { deliveries, misses }) => {
    const delivery = await deliveries.findDelivery(environment, id)
    if (delivery !== undefined) return { status: 200, body: showDeliveryDetails(delivery) }
    return await answerMissing({ misses, environment }, 'delivery', () =>
      deliveries.isDeliveryElsewhere(environment, id),
    )
  },
})
