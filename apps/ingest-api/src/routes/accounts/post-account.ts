import { accountSchema, createAccountBodySchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { refuseField } from '../refuse-field.js'
import { showAccount } from './show-account.js'

/** `POST /api/v1/accounts`: makes an external account. */
export const postAccount = defineRoute({
  method: 'POST',
  path: '/api/v1/accounts',
  operationId: 'createAccount',
  summary: 'Make an external account',
  description: 'An external account is one of your own users or customers, by your own identifier.',
  tags: ['Accounts'],
  access: 'secret',
  body: createAccountBodySchema,
  responses: { 201: { description: 'The account', schema: accountSchema } },
  problems: ['conflict', 'invalid'],
  handle: async ({ environment, body }, { accounts }) => {
    const { identifier, metadata = {} } = body
    const account = await accounts.createAccount(environment, { identifier, metadata })
    if (account !== undefined) return { status: 201, body: showAccount(account) }
    return refuseField('conflict', { pointer: '/identifier', message: 'There is an account with this identifier' })
  },
})
