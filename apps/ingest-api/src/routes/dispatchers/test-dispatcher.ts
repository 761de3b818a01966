import { dispatcherTestSchema, testDispatcherBodySchema } from '@signalbox/api-contract'
import { isUuid } from '@signalbox/domain'
import { defineRoute, problem } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { explainDispatcher, explainFilters } from './explain-event.js'

/** `POST /api/v1/event-dispatchers/test`: would an event match, and if not, why not. Nothing is stored or sent. */
export const testDispatcher = defineRoute({
  method: 'POST',
  path: '/api/v1/event-dispatchers/test',
  operationId: 'testEventDispatcher',
  summary: 'Try an event on a dispatcher or on filters',
  description: 'Nothing is stored or sent. Filters are tried alone; a dispatcher with its names, source and account.',
  tags: ['Event dispatchers'],
  access: 'secret',
  body: testDispatcherBodySchema,
  responses: { 200: { description: 'Whether it matches, and what does not', schema: dispatcherTestSchema } },
  problems: ['invalid', 'forbidden', 'not_found'],
  handle: async ({ environment, body }, { dispatchers, misses }) => {
    const { event, dispatcherId, filter = null, contextFilter = null } = body
    if (dispatcherId === undefined) {
      return answer(explainFilters({ payloadFilter: filter, contextFilter }, event))
    }
    if (!isUuid(dispatcherId)) return problem('not_found', 'There is no such dispatcher')
    const dispatcher = await dispatchers.findDispatcher(environment, dispatcherId)
    if (dispatcher !== undefined) return answer(explainDispatcher(dispatcher, event, new Date()))
    return await answerMissing({ misses, environment }, 'dispatcher', () =>
      dispatchers.isDispatcherElsewhere(environment, dispatcherId),
    )
  },
})

function answer<T>(explanation: T[]): { status: 200; body: { matches: boolean; explanation: T[] } } {
  return { status: 200, body: { matches: explanation.length === 0, explanation } }
}
