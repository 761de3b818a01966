import { createDispatcherBodySchema, shownDispatcherSchema } from '@signalbox/api-contract'
import { defineRoute, problem } from '../../route.js'
import { readAccountWish } from '../read-account-wish.js'
import { fillSubscription } from '../read-subscription.js'
import { parseDispatchable } from './parse-dispatchable.js'
import { refuseDispatcher } from './refuse-dispatcher.js'
import { showDispatcherInFull } from './show-dispatcher.js'

/** `POST /api/v1/event-dispatchers`: a standing wish for events. */
export const postDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers',
  operationId: 'createEventDispatcher',
  summary: 'Make a dispatcher: which events, and what they invoke',
  description:
    'What is invoked is a webhook endpoint of yours: `dispatchable.id` is the `id` that `POST` and `GET /api/v1/webhook-endpoints` answer.',
  tags: ['Event dispatchers'],
  access: 'secret',
  body: createDispatcherBodySchema,
  responses: { 201: { description: 'The dispatcher', schema: shownDispatcherSchema } },
  problems: ['invalid', 'unknown_account', 'forbidden', 'conflict', 'limit_exceeded'],
  handle: async ({ environment, body }, { dispatchers }) => {
    const parsed = parseDispatchable(body.dispatchable)
    if ('problem' in parsed) return parsed
    const outcome = await dispatchers.createDispatcher(environment, {
      ...fillSubscription({ ...body, eventNames: body.event }),
      contextFilter: body.contextFilter ?? null,
      manual: body.manual ?? false,
      enabled: body.enabled ?? true,
      account: readAccountWish(environment, body.accountId ?? null),
      dispatchable: parsed.dispatchable,
      dispatchableId: body.dispatchableId,
    })
    if (outcome.ok) return { status: 201, body: showDispatcherInFull(outcome.dispatcher) }
    if (outcome.code === 'missing') return problem('not_found', 'There is no such dispatcher')
    return refuseDispatcher(outcome.code)
  },
})
