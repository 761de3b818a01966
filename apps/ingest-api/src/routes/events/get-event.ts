import { eventDetailsSchema, eventParamsSchema } from '@signalbox/api-contract'
import { answerEventMiss } from '../../events/answer-event-miss.js'
import { defineRoute } from '../../route.js'

/** Reads one event. */
export const getEvent = defineRoute({
  method: 'GET',
  path: '/api/v1/events/:id',
  operationId: 'getEvent',
  summary: 'Read an event and the runs that it began',
  tags: ['Events'],
  access: 'secret-or-public',
  params: eventParamsSchema,
  responses: { 200: { description: 'the event', schema: eventDetailsSchema } },
  problems: ['not_found'],
  async handle({ environment, params }, deps) {
    const event = await deps.events.findEvent(environment, params.id)
    if (event === undefined) return answerEventMiss(deps, environment, params.id)
    const { eventId, name, createdAt, updatedAt, fanoutLimited } = event
    return { status: 200, body: { id: eventId, name, createdAt, updatedAt, runs: [], fanoutLimited } }
  },
})
