import { dispatcherListQuerySchema, dispatcherListSchema } from '@signalbox/api-contract'
import { readBeforeId } from '../../events/read-before-id.js'
import { defineRoute } from '../../route.js'
import { answerPage } from '../answer-page.js'
import { showDispatcher } from './show-dispatcher.js'

/** `GET /api/v1/event-dispatchers`: the environment's dispatchers, newest first. */
export const listDispatchers = defineRoute({
  method: 'GET',
  path: '/api/v1/event-dispatchers',
  operationId: 'listEventDispatchers',
  summary: 'List dispatchers, newest first',
  tags: ['Event dispatchers'],
  access: 'secret',
  query: dispatcherListQuerySchema,
  responses: { 200: { description: 'One page of dispatchers', schema: dispatcherListSchema } },
  problems: ['invalid'],
  handle: async ({ environment, query: { cursor, limit } }, { dispatchers }) => {
    const position = readBeforeId(cursor)
    if ('problem' in position) return position
    return answerPage(await dispatchers.listDispatchers(environment, { ...position, limit }), showDispatcher)
  },
})
