import { expect, test } from '@jest/globals'
import { createAuthenticator } from './create-authenticator.js'

const authenticate = createAuthenticator({ keys: { findKey: async () => undefined }, failuresPerMinute: 1_000 })

test.each([
  [undefined, 'The header Authorization: Bearer <key> is missing'],
  ['', 'The key is empty'],
  ['Bearer', 'The key is empty'],
  ['bearer  ', 'The key is empty'],
  ['Basic', 'Basic is not taken here; send Bearer'],
  ['basic dXNlcjp0cl9wcm9kX3g=', 'Basic is not taken here; send Bearer'],
  ['Bearer basic', 'Basic is not taken here; send Bearer'],
  ['Bearer x', 'The key is unknown, revoked or expired'],
  ['Bearer tr_prod_0123456789abcdef', 'The key is unknown, revoked or expired'],
])('of the header %j it is said what is wrong', async (authorization, detail) => {
  const answer = await authenticate({ authorization, url: '/', access: 'secret', readAddress: () => '192.0.2.1' })
  const headers = { 'www-authenticate': 'Bearer realm="signalbox"' }
  expect(answer).toEqual({ problem: 'unauthenticated', detail, headers })
})
