import type { StoredDispatcher } from '@signalbox/db'
import { type Environment, isUuid } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import { problem, type ProblemAnswer } from '../../route.js'
import { answerMissing } from '../answer-missing.js'

/** Finds the dispatcher that was made with a webhook endpoint, or says why there is none. */
export async function findOwnDispatcher(
  { endpoints, misses }: Pick<ApiDeps, 'endpoints' | 'misses'>,
  environment: Environment,
  endpointId: string,
): Promise<{ dispatcher: StoredDispatcher; isEndpointDisabled: boolean } | ProblemAnswer> {
  if (!isUuid(endpointId)) return problem('not_found', 'There is no such webhook endpoint')
  const endpoint = await endpoints.findEndpoint(environment, endpointId)
  if (endpoint === undefined) {
    return await answerMissing({ misses, environment }, 'webhook endpoint', () =>
      endpoints.isEndpointElsewhere(environment, endpointId),
    )
  }
  if (endpoint.subscription === null) return problem('not_found', 'The dispatcher of the webhook endpoint was deleted')
  return { dispatcher: endpoint.subscription, isEndpointDisabled: !endpoint.enabled }
}
