import { shownDispatcherSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'
import { showDispatcherInFull } from './show-dispatcher.js'

/** `GET /api/v1/event-dispatchers/:id`. */
export const getDispatcher = defineRoute({
  method: 'GET',
  path: '/api/v1/event-dispatchers/:id',
  operationId: 'getEventDispatcher',
  summary: 'Show a dispatcher',
  tags: ['Event dispatchers'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The dispatcher', schema: shownDispatcherSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, { dispatchers, misses }) => {
    const dispatcher = await dispatchers.findDispatcher(environment, id)
    if (dispatcher !== undefined) return { status: 200, body: showDispatcherInFull(dispatcher) }
    return await answerMissing({ misses, environment }, 'dispatcher', () =>
      dispatchers.isDispatcherElsewhere(environment, id),
    )
  },
})
