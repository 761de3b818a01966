import { changeDispatcherBodySchema, shownDispatcherSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { idParamsSchema } from '../id-params.js'
import { readAccountWish } from '../read-account-wish.js'
import { completeFilterChange } from '../read-subscription.js'
import { changeDispatcher } from './change-dispatcher.js'
import { parseDispatchable } from './parse-dispatchable.js'

/** `PATCH /api/v1/event-dispatchers/:id`: what is absent stays, null clears. */
export const patchDispatcher = defineRoute({
  method: 'PATCH',
  path: '/api/v1/event-dispatchers/:id',
  operationId: 'changeEventDispatcher',
  summary: 'Change a dispatcher',
  description:
    'What is absent stays as it is; null clears a filter or the account. A filter is checked in the language that the dispatcher has then.',
  tags: ['Event dispatchers'],
  access: 'secret',
  params: idParamsSchema,
  body: changeDispatcherBodySchema,
  responses: { 200: { description: 'The dispatcher', schema: shownDispatcherSchema } },
  problems: ['invalid', 'unknown_account', 'forbidden', 'not_found', 'conflict'],
  handle: async ({ environment, params: { id }, body }, deps) => {
    const parsed = body.dispatchable === undefined ? NOTHING : parseDispatchable(body.dispatchable)
    if ('problem' in parsed) return parsed
    const filter = await completeFilterChange({ change: body, field: 'payloadFilter' }, () =>
      deps.dispatchers.findDispatcher(environment, id),
    )
    if ('problem' in filter) return filter
    const { contextFilter, manual, enabled, source, dispatchableId } = body
    return await changeDispatcher(
      deps,
      { environment, id },
      {
        ...parsed,
        eventNames: body.event,
        source,
        ...filter,
        contextFilter,
        manual,
        enabled,
        account: readAccountWish(environment, body.accountId),
        dispatchableId,
      },
    )
  },
})

const NOTHING = { dispatchable: undefined }
