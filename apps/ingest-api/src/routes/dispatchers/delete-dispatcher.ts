import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'

/** `DELETE /api/v1/event-dispatchers/:id`: its deliveries stay to be looked at. */
export const deleteDispatcher = defineRoute({
  method: 'DELETE',
  path: '/api/v1/event-dispatchers/:id',
  operationId: 'deleteEventDispatcher',
  summary: 'Delete a dispatcher',
  description:
    'Its deliveries stay to be looked at; those that are on their way end as skipped, but for the one of an ephemeral dispatcher, which is used up by then anyway.',
  tags: ['Event dispatchers'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 204: { description: 'The dispatcher is gone' } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, { dispatchers, misses }) => {
    if (await dispatchers.deleteDispatcher(environment, id)) return { status: 204 }
    return await answerMissing({ misses, environment }, 'dispatcher', () =>
      dispatchers.isDispatcherElsewhere(environment, id),
    )
  },
})
