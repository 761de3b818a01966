import { accountParamsSchema, accountSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { showAccount } from './show-account.js'

/** `GET /api/v1/accounts/:identifier`. */
export const getAccount = defineRoute({
  method: 'GET',
  path: '/api/v1/accounts/:identifier',
  operationId: 'getAccount',
  summary: 'Show an external account',
  tags: ['Accounts'],
  access: 'secret',
  params: accountParamsSchema,
  responses: { 200: { description: 'The account', schema: accountSchema } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { identifier } }, { accounts, misses }) => {
    const account = await accounts.findAccount(environment, identifier)
    if (account !== undefined) return { status: 200, body: showAccount(account) }
    return await answerMissing({ misses, environment }, 'account', () =>
      accounts.isAccountElsewhere(environment, identifier),
    )
  },
})
