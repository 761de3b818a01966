import { createEphemeralBodySchema, ephemeralSchema } from '@signalbox/api-contract'
import { createSigningSecret } from '@signalbox/egress'
import { defineRoute } from '../../route.js'
import { readAccountWish } from '../read-account-wish.js'
import { fillSubscription } from '../read-subscription.js'
import { refuseDispatcherLimit, refuseField, refuseUnknownAccount } from '../refuse-field.js'
import { refuseTarget } from '../refuse-target.js'

/** `POST /api/v1/event-dispatchers/ephemeral`: one POST of the first event that matches. */
export const postEphemeralDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers/ephemeral',
  operationId: 'createEphemeralEventDispatcher',
  summary: 'Have the first matching event POSTed to a URL, once',
  description:
    'The POST is signed (Standard Webhooks) with `secret`, which only the answer that made the dispatcher holds. ' +
    'The same call again answers with the same id; other options for the same URL are a conflict.',
  tags: ['Event dispatchers'],
  access: 'secret',
  body: createEphemeralBodySchema,
  responses: { 200: { description: 'The dispatcher', schema: ephemeralSchema } },
  problems: ['invalid', 'address_refused', 'unknown_account', 'conflict', 'limit_exceeded'],
  handle: async ({ environment, body }, { dispatchers, checkTarget }) => {
    const target = await checkTarget(body.url)
    if (!target.ok) return refuseTarget(target)
    const secret = createSigningSecret()
    const outcome = await dispatchers.createEphemeralDispatcher(environment, {
      url: target.url.href,
      ...fillSubscription({ ...body, eventNames: body.name, payloadFilter: body.filter }),
      contextFilter: body.contextFilter ?? null,
      account: readAccountWish(environment, body.accountId ?? null),
      timeoutInSeconds: body.timeoutInSeconds,
      secret,
    })
    if (outcome.ok) return { status: 200, body: { id: outcome.id, ...(outcome.isNew && { secret }) } }
    if (outcome.code === 'unknown_account') return refuseUnknownAccount()
    if (outcome.code === 'limit_exceeded') return refuseDispatcherLimit()
    const message = 'The URL waits for an event already, with other options'
    return refuseField('conflict', { pointer: '/url', message })
  },
})
