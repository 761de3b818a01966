import { dispatcherTestSchema, testDispatcherBodySchema } from '@signalbox/api-contract'
import type { StoredDispatcher } from '@signalbox/db'
import { type Environment, isUuid } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import { type Answer, defineRoute, problem } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { explainDispatcher, explainFilters } from './explain-event.js'

/** `POST /api/v1/event-dispatchers/test`: would an event match, and if not, why not. Nothing is stored or sent. */
export const testDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers/test',
  operationId: 'testEventDispatcher',
  summary: 'Try an event on a dispatcher or on filters',
  description:
    'Nothing is stored or sent. Filters are tried alone; a dispatcher with its names, source and account, and the state of its endpoint.',
  tags: ['Event dispatchers'],
  access: 'secret',
  body: testDispatcherBodySchema,
  responses: { 200: { description: 'Whether it matches, and what does not', schema: dispatcherTestSchema } },
  problems: ['invalid', 'forbidden', 'not_found'],
  handle: async ({ environment, body }, deps) => {
    const { event, dispatcherId, endpointId, filter = null, contextFilter = null } = body
    if (dispatcherId === undefined && endpointId === undefined) {
      return answer(explainFilters({ payloadFilter: filter, contextFilter }, event))
    }
    const found =
      endpointId === undefined
        ? await findByDispatcher(deps, environment, dispatcherId ?? '')
        : await findByEndpoint(deps, environment, endpointId)
    return 'dispatcher' in found ? answer(explainDispatcher(found, event, new Date())) : found
  },
})

type Found = { dispatcher: StoredDispatcher; isEndpointDisabled: boolean } | Answer

async function findByDispatcher(
  { dispatchers, endpoints, misses }: ApiDeps,
  environment: Environment,
  id: string,
): Promise<Found> {
  if (!isUuid(id)) return problem('not_found', 'There is no such dispatcher')
  const dispatcher = await dispatchers.findDispatcher(environment, id)
  if (dispatcher === undefined) {
    return await answerMissing({ misses, environment }, 'dispatcher', () =>
      dispatchers.isDispatcherElsewhere(environment, id),
    )
  }
  const { type, id: invokedId } = dispatcher.dispatchable
  if (type !== 'WEBHOOK' || typeof invokedId !== 'string') return { dispatcher, isEndpointDisabled: false }
  const endpoint = await endpoints.findEndpoint(environment, invokedId)
  return { dispatcher, isEndpointDisabled: !(endpoint?.enabled ?? false) }
}

async function findByEndpoint({ endpoints, misses }: ApiDeps, environment: Environment, id: string): Promise<Found> {
  if (!isUuid(id)) return problem('not_found', 'There is no such webhook endpoint')
  const endpoint = await endpoints.findEndpoint(environment, id)
  if (endpoint === undefined) {
    return await answerMissing({ misses, environment }, 'webhook endpoint', () =>
      endpoints.isEndpointElsewhere(environment, id),
    )
  }
  if (endpoint.subscription === null) return problem('not_found', 'The dispatcher of the webhook endpoint was deleted')
  return { dispatcher: endpoint.subscription, isEndpointDisabled: !endpoint.enabled }
}

function answer<T>(explanation: T[]): { status: 200; body: { matches: boolean; explanation: T[] } } {
  return { status: 200, body: { matches: explanation.length === 0, explanation } }
}
