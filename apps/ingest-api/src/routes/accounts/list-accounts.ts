import { accountListQuerySchema, accountListSchema } from '@signalbox/api-contract'
import { readBeforeId } from '../../events/read-before-id.js'
import { defineRoute } from '../../route.js'
import { answerPage } from '../answer-page.js'
import { showAccount } from './show-account.js'

/** `GET /api/v1/accounts`: external accounts, newest first. */
export const listAccounts = defineRoute({
  method: 'GET',
  path: '/api/v1/accounts',
  operationId: 'listAccounts',
  summary: 'List external accounts, newest first',
  tags: ['Accounts'],
  access: 'secret',
  query: accountListQuerySchema,
  responses: { 200: { description: 'One page of accounts', schema: accountListSchema } },
  problems: ['invalid'],
  handle: async ({ environment, query }, { accounts }) => {
    const position = readBeforeId(query.cursor)
    if ('problem' in position) return position
    const { limit, prefix } = query
    return answerPage(await accounts.listAccounts(environment, { ...position, limit, prefix }), showAccount)
  },
})
