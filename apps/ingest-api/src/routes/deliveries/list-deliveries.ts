import { deliveryListQuerySchema, deliveryListSchema } from '@signalbox/api-contract'
import { readBeforeId } from '../../events/read-before-id.js'
import { defineRoute } from '../../route.js'
import { answerPage } from '../answer-page.js'
import { showDelivery } from './show-delivery.js'

/** `GET /api/v1/deliveries`: deliveries of the environment, newest first. */
export const listDeliveries = defineRoute({
  method: 'GET',
  path: '/api/v1/deliveries',
  operationId: 'listDeliveries',
  summary: 'List and search deliveries, newest first',
  description:
    'All conditions hold together. One request looks at up to 5,000 deliveries: a page with fewer items than `limit`, ' +
    'or with none, is followed by more as long as `nextCursor` is not null.',
  tags: ['Deliveries'],
  access: 'secret',
  query: deliveryListQuerySchema,
  responses: { 200: { description: 'One page of deliveries', schema: deliveryListSchema } },
  problems: ['invalid'],
  handle: async ({ environment, query }, { deliveries }) => {
    const { cursor, ...conditions } = query
    const position = readBeforeId(cursor)
    if ('problem' in position) return position
    return answerPage(await deliveries.listDeliveries(environment, { ...conditions, ...position }), showDelivery)
  },
})
