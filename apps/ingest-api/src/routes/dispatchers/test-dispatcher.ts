import { dispatcherTestSchema, type FailedCondition, testDispatcherBodySchema } from '@signalbox/api-contract'
import type { StoredDispatcher } from '@signalbox/db'
import { type Environment, FilterTooExpensiveError, isUuid } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import { describeTooExpensive } from '../../events/explain-rule.js'
import { isEventTooLarge } from '../../events/is-event-too-large.js'
import { type Answer, defineRoute, problem } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { explainDispatcher, explainFilters } from './explain-event.js'
import { findOwnDispatcher } from '../webhook-endpoints/find-own-dispatcher.js'
import { type BoundFilters, showIndex } from './show-index.js'

/** `POST /api/v1/event-dispatchers/test`: would an event match, and if not, why not. Nothing is stored or sent. */
export const testDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers/test',
  operationId: 'testEventDispatcher',
  summary: 'Try an event on a dispatcher or on filters',
  description:
    'Nothing is stored or sent. Filters are tried alone; a dispatcher with its names, source and account, and the state of its endpoint. `index` says what finds the filters among very many.',
  tags: ['Event dispatchers'],
  access: 'secret',
  body: testDispatcherBodySchema,
  responses: { 200: { description: 'Whether it matches, and what does not', schema: dispatcherTestSchema } },
  problems: ['invalid', 'forbidden', 'not_found', 'event_too_large', 'filter_too_expensive'],
  handle: async ({ environment, body, bodyExtent }, deps) => {
    const { event, dispatcherId, endpointId, filter = null, contextFilter = null, filterLanguage = 'signalbox' } = body
    const { eventBytesMax } = environment.limits
    if (isEventTooLarge(event, bodyExtent, eventBytesMax)) {
      return problem('event_too_large', `The event is larger than ${eventBytesMax} bytes`)
    }
    if (dispatcherId === undefined && endpointId === undefined) {
      const filters = { filterLanguage, payloadFilter: filter, contextFilter }
      return answer(filters, () => explainFilters(filters, event, new Date()))
    }
    const found =
      endpointId === undefined
        ? await findByDispatcher(deps, environment, dispatcherId ?? '')
        : await findOwnDispatcher(deps, environment, endpointId)
    if (!('dispatcher' in found)) return found
    return answer(found.dispatcher, () => explainDispatcher(found, event, new Date()))
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

function answer(tried: BoundFilters, explain: () => FailedCondition[]): Answer {
  try {
    const explanation = explain()
    return { status: 200, body: { matches: explanation.length === 0, explanation, index: showIndex(tried) } }
  } catch (error) {
    if (error instanceof FilterTooExpensiveError) return problem('filter_too_expensive', describeTooExpensive())
    throw error
  }
}
