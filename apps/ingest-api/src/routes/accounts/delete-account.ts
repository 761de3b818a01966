import { accountParamsSchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'

/** `DELETE /api/v1/accounts/:identifier`: its events stay, without an account; its dispatchers end. */
export const deleteAccount = defineRoute({
  method: 'DELETE',
  path: '/api/v1/accounts/:identifier',
  operationId: 'deleteAccount',
  summary: 'Delete an external account',
  description: 'Its events stay, without an account. Dispatchers that are bound to it are deleted with it.',
  tags: ['Accounts'],
  access: 'secret',
  params: accountParamsSchema,
  responses: { 204: { description: 'The account is gone' } },
  problems: ['forbidden', 'not_found'],
  handle: async ({ environment, params: { identifier } }, { accounts, misses }) => {
    if (await accounts.deleteAccount(environment, identifier)) return { status: 204 }
    return await answerMissing({ misses, environment }, 'account', () =>
      accounts.isAccountElsewhere(environment, identifier),
    )
  },
})
