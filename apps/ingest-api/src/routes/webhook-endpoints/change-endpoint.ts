import type { EndpointChange } from '@signalbox/db'
import type { Environment } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import type { Answer } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { refuseDispatcherLimit, refuseField, refuseUnknownAccount } from '../refuse-field.js'
import { showEndpointInFull } from './show-endpoint.js'

/** Changes an endpoint and answers with it, or says why not. */
export async function changeEndpoint(
  { endpoints, misses }: Pick<ApiDeps, 'endpoints' | 'misses'>,
  { environment, id }: { environment: Environment; id: string },
  change: EndpointChange,
): Promise<Answer> {
  const outcome = await endpoints.updateEndpoint(environment, id, change)
  if (outcome.ok) return { status: 200, body: showEndpointInFull(outcome.endpoint) }
  if (outcome.code === 'unknown_account') return refuseUnknownAccount()
  if (outcome.code === 'limit_exceeded') return refuseDispatcherLimit()
  if (outcome.code === 'events_missing') {
    const message = 'The dispatcher of the endpoint was deleted: name the events for a new one'
    return refuseField('invalid', { pointer: '/events', code: outcome.code, message })
  }
  return await answerMissing({ misses, environment }, 'webhook endpoint', () =>
    endpoints.isEndpointElsewhere(environment, id),
  )
}
