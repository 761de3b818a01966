import { shownDispatcherSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { idParamsSchema } from '../id-params.js'
import { changeDispatcher } from './change-dispatcher.js'

/** `POST /api/v1/event-dispatchers/:id/disable`: the dispatcher takes no more events; deliveries that are on their way end as skipped. */
export const disableDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers/:id/disable',
  operationId: 'disableEventDispatcher',
  summary: 'Disable a dispatcher',
  description: 'The dispatcher takes no more events; deliveries that are on their way end as skipped.',
  tags: ['Event dispatchers'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The dispatcher', schema: shownDispatcherSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, deps) =>
    await changeDispatcher(deps, { environment, id }, { enabled: false }),
})
