import { rotatedSecretSchema, rotateSecretBodySchema } from '@signalbox/api-contract'
import { defineRoute, problem } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { idParamsSchema } from '../id-params.js'
import { makeSigningSecret, showSigning } from './read-signing.js'

/** `POST /api/v1/webhook-endpoints/:id/rotate-secret`: a new secret, the former one signing beside it for a while. */
export const rotateWebhookSecret = defineRoute({
  method: 'POST',
  path: '/api/v1/webhook-endpoints/:id/rotate-secret',
  operationId: 'rotateWebhookSecret',
  summary: "Replace a webhook endpoint's secret",
  description: 'The new secret is shown this once. For the overlap, requests carry a signature of each.',
  tags: ['Webhook endpoints'],
  access: 'secret',
  params: idParamsSchema,
  body: rotateSecretBodySchema,
  isBodyOptional: true,
  responses: { 200: { description: 'The new secret', schema: rotatedSecretSchema } },
  problems: ['invalid', 'forbidden', 'not_found', 'conflict'],
  handle: async ({ environment, params: { id }, body: { overlapSeconds } }, { endpoints, misses }) => {
    const rotation = { overlapSeconds, makeSecret: makeSigningSecret }
    const outcome = await endpoints.rotateSecret(environment, id, rotation)
    if (outcome.ok) {
      const formerUntil = outcome.formerUntil?.toISOString() ?? null
      return { status: 200, body: { ...showSigning(outcome.secret), formerUntil } }
    }
    if (outcome.code === 'too_many_secrets') {
      const detail = 'Five secrets sign already: wait until one has run out, or rotate with overlapSeconds 0'
      return problem('conflict', detail)
    }
    return await answerMissing({ misses, environment }, 'webhook endpoint', () =>
      endpoints.isEndpointElsewhere(environment, id),
    )
  },
})
