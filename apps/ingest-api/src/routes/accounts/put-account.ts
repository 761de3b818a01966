import { accountParamsSchema, accountSchema, changeAccountBodySchema } from '@signalbox/api-contract'
import { defineRoute } from '../../route.js'
import { showAccount } from './show-account.js'

/** `PUT /api/v1/accounts/:identifier`: makes the account, or replaces its metadata. */
export const putAccount = defineRoute({
  method: 'PUT',
  path: '/api/v1/accounts/:identifier',
  operationId: 'putAccount',
  summary: 'Make or replace an external account',
  tags: ['Accounts'],
  access: 'secret',
  params: accountParamsSchema,
  body: changeAccountBodySchema,
  isBodyOptional: true,
  responses: {
    200: { description: 'The account, replaced', schema: accountSchema },
    201: { description: 'The account, made', schema: accountSchema },
  },
  problems: ['invalid'],
  handle: async ({ environment, params: { identifier }, body }, { accounts }) => {
    const { account, isNew } = await accounts.putAccount(environment, { identifier, metadata: body.metadata ?? {} })
    return { status: isNew ? 201 : 200, body: showAccount(account) }
  },
})
