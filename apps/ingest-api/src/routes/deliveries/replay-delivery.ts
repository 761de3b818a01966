import { deliveryDetailsSchema } from '@signalbox/api-contract'
import { defineRoute, problem } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'
import { showDeliveryDetails } from './show-delivery.js'

/** `POST /api/v1/deliveries/:id/replay`: starts an ended delivery over. */
export const replayDelivery = defineRoute({
  method: 'POST',
  path: '/api/v1/deliveries/:id/replay',
  operationId: 'replayDelivery',
  summary: 'Start an ended delivery over',
  description:
    'Whatever its end was. The event and the `webhook-id` stay the same, attempt numbers go on, the schedule starts anew.',
  tags: ['Deliveries'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The delivery, pending again', schema: deliveryDetailsSchema } },
  problems: ['forbidden', 'not_found', 'conflict'],
  handle: async ({ environment, params: { id } }, { deliveries, publishDispatch, logger, misses }) => {
    const outcome = await deliveries.replayDelivery(environment, id)
    if (!outcome.ok) {
      if (outcome.code === 'missing')
        return await answerMissing({ misses, environment }, 'delivery', () =>
          deliveries.isDeliveryElsewhere(environment, id),
        )
      if (outcome.code === 'dispatcher_deleted') {
        return problem('conflict', 'The dispatcher of the delivery was deleted: there is nothing to send it to')
      }
      return problem('conflict', `The delivery is still on its way: ${tellWhen(outcome.nextAttemptAt)}`)
    }
    // Nobody waits for it: the outbox has the replay, so the scheduler finds what could not be announced.
    publishDispatch([outcome.delivery]).catch((error: unknown) => {
      logger.warn('delivery.publish_failed', { error, count: 1 })
    })
    const delivery = await deliveries.findDelivery(environment, id)
    if (delivery === undefined) return problem('not_found', 'The delivery was removed')
    return { status: 200, body: showDeliveryDetails(delivery) }
  },
})

function tellWhen(nextAttemptAt: Date | null): string {
  return nextAttemptAt === null ? 'it has not ended' : `next attempt at ${nextAttemptAt.toISOString()}`
}
