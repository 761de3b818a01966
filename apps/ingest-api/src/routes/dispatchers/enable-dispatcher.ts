import { shownDispatcherSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { idParamsSchema } from '../id-params.js'
import { changeDispatcher } from './change-dispatcher.js'

/** `POST /api/v1/event-dispatchers/:id/enable`: the dispatcher takes events again. */
export const enableDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers/:id/enable',
  operationId: 'enableEventDispatcher',
  summary: 'Enable a dispatcher',
  description: 'The dispatcher takes events again.',
  tags: ['Event dispatchers'],
  access: 'secret',
  params: idParamsSchema,
  responses: { 200: { description: 'The dispatcher', schema: shownDispatcherSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { id } }, deps) =>
    await changeDispatcher(deps, { environment, id }, { enabled: true }),
})
