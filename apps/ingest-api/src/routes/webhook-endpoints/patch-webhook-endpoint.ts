import { changeEndpointBodySchema, changeEndpointDocumentedSchema, shownEndpointSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { idParamsSchema } from '../id-params.js'
import { readAccountWish } from '../read-account-wish.js'
import { completeFilterChange } from '../read-subscription.js'
import { refuseField } from '../refuse-field.js'
import { changeEndpoint } from './change-endpoint.js'
import { checkEndpoint, refuseUnsupported } from './check-endpoint.js'

/** `PATCH /api/v1/webhook-endpoints/:id`: what is absent stays, null clears. */
export const patchWebhookEndpoint = defineRoute({
  method: 'PATCH',
  path: '/api/v1/webhook-endpoints/:id',
  operationId: 'changeWebhookEndpoint',
  summary: 'Change a webhook endpoint, and what it is subscribed to',
  description: 'What is absent stays as it is; null clears. `headers` replaces all headers.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  params: idParamsSchema,
  body: changeEndpointBodySchema,
  documentedBody: changeEndpointDocumentedSchema,
  responses: { 200: { description: 'The endpoint', schema: shownEndpointSchema } },
  problems: [
    'invalid',
    'address_refused',
    'not_supported_yet',
    'unknown_account',
    'limit_exceeded',
    'forbidden',
    'not_found',
  ],
  handle: async ({ environment, params: { id }, body }, { endpoints, misses, checkTarget }) => {
    const unsupported = refuseUnsupported(body) ?? refuseSigning(body)
    if (unsupported !== undefined) return unsupported
    const target = await checkEndpoint({ checkTarget }, { url: body.url, headers: body.headers })
    if ('problem' in target) return target
    const change = { payloadFilter: body.filter, filterLanguage: body.filterLanguage }
    const filter = await completeFilterChange({ change, field: 'filter' }, async () => {
      const endpoint = await endpoints.findEndpoint(environment, id)
      return endpoint?.subscription
    })
    if ('problem' in filter) return filter
    const { description, method, timeoutMs, concurrency, retryPolicy, enabled } = body
    return await changeEndpoint(
      { endpoints, misses },
      { environment, id },
      {
        settings: { ...target, description, method, timeoutMs, concurrency, retryPolicy, enabled },
        subscription: {
          eventNames: body.events,
          source: body.source,
          ...filter,
          contextFilter: body.contextFilter,
          account: readAccountWish(environment, body.accountId),
        },
      },
    )
  },
})

function refuseSigning(body: { secret?: unknown; signing?: unknown }): ReturnType<typeof refuseField> | undefined {
  const name = (['secret', 'signing'] as const).find((field) => body[field] !== undefined)
  if (name === undefined) return undefined
  const message = 'Secrets are changed with POST …/rotate-secret, so that receivers can follow'
  return refuseField('not_supported_yet', { pointer: `/${name}`, message })
}
