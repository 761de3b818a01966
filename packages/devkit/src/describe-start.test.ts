import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { describeStart, RECEIVER_COMMAND } from './describe-start.js'
import type { DevFile } from './dev-file.js'

const DEV: DevFile = {
  apiUrl: 'http://127.0.0.1:3030',
  databaseUrl: 'postgresql://127.0.0.1/x',
  redisUrl: 'redis://127.0.0.1',
  receiverUrl: 'http://127.0.0.1:3040/hook',
  processes: [],
  tenants: [],
}
const SURROUNDINGS = { dataDir: '/data', services: [], egressAllow: 'localhost', receiverSecret: 'whsec_known' }

test('what to try uses the secret that the demo receiver knows', () => {
  const text = describeStart(DEV, SURROUNDINGS)
  expect(text).toContain('{"url":"http://127.0.0.1:3040/hook","events":["user.created"],"secret":"whsec_known"}')
  expect(text).not.toContain(RECEIVER_COMMAND)
})

test('without the demo, what to try begins with a receiver: the one of the README', () => {
  const text = describeStart({ ...DEV, receiverUrl: null }, { ...SURROUNDINGS, receiverSecret: undefined })
  expect(text).toContain(RECEIVER_COMMAND)
  expect(text).toContain('{"url":"http://127.0.0.1:4000/","events":["user.created"]}')
  expect(readFileSync(join(__dirname, '..', '..', '..', 'README.md'), 'utf8')).toContain(RECEIVER_COMMAND)
})

test.each([DEV.receiverUrl, null])(
  'what to try says that the endpoint is made once, with the receiver %j',
  (receiverUrl) => {
    expect(describeStart({ ...DEV, receiverUrl }, SURROUNDINGS)).toMatch(
      /\(the first command once: .*\):\n  curl .*webhook-endpoints/,
    )
  },
)

test('what webhooks may reach is told, and how to open more', () => {
  const text = describeStart(DEV, { ...SURROUNDINGS, egressAllow: 'localhost,10.0.0.0/8' })
  expect(text).toContain('EGRESS_ALLOW=localhost,10.0.0.0/8;')
  expect(text).toMatch(/address_refused.*EGRESS_ALLOW=\S+ npm start.*docs\/security-egress\.md/)
})
