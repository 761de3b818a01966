import { eventParamsSchema, eventSchema } from '@signalbox/api-contract'
import { answerEventMiss } from '../../events/answer-event-miss.js'
import { toEventAnswer } from '../../events/to-event-answer.js'
import { defineRoute, problem } from '../../route.js'

/** Cancels an event that waits. */
export const cancelEvent = defineRoute({
  method: 'POST',
  path: '/api/v1/events/:id/cancel',
  operationId: 'cancelEvent',
  summary: 'Cancel an event that is not delivered yet',
  description: 'A cancelled event is never delivered. Cancelling it again changes nothing.',
  tags: ['Events'],
  access: 'secret',
  params: eventParamsSchema,
  responses: { 200: { description: 'the event, cancelled', schema: eventSchema } },
  problems: ['not_found', 'already_delivered', 'conflict'],
  async handle({ environment, params }, deps) {
    const outcome = await deps.events.cancelEvent(environment, params.id)
    switch (outcome.kind) {
      case 'cancelled':
        return { status: 200, body: toEventAnswer(outcome.event) }
      case 'delivered':
        return problem('already_delivered', 'The event is delivered already: it can not be cancelled any more')
      case 'failed':
        return problem('conflict', 'The event could not be evaluated and was set aside: there is nothing to cancel')
      case 'missing':
        return answerEventMiss(deps, environment, params.id)
    }
  },
})
