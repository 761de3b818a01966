import { accountParamsSchema, accountSchema, changeAccountBodySchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { showAccount } from './show-account.js'

/** `PATCH /api/v1/accounts/:identifier`: replaces what is given. */
export const patchAccount = defineRoute({
  method: 'PATCH',
  path: '/api/v1/accounts/:identifier',
  operationId: 'changeAccount',
  summary: 'Change an external account',
  description: 'What is given replaces what was there, whole; what is not given stays.',
  tags: ['Accounts'],
  access: 'secret',
  params: accountParamsSchema,
  body: changeAccountBodySchema,
  responses: { 200: { description: 'The account', schema: accountSchema } },
  problems: ['forbidden', 'not_found', 'invalid'],
  handle: async ({ environment, params: { identifier }, body }, { accounts, misses }) => {
    const account = await accounts.updateAccount(environment, identifier, { metadata: body.metadata })
    if (account !== undefined) return { status: 200, body: showAccount(account) }
    return await answerMissing({ misses, environment }, 'account', () =>
      accounts.isAccountElsewhere(environment, identifier),
    )
  },
})
