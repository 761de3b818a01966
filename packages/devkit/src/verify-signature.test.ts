import { describe, expect, test } from '@jest/globals'
import { isSignatureValid } from './verify-signature.js'

// The example of the Standard Webhooks documentation.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const TIMESTAMP = 1_614_265_330
const BODY = Buffer.from('{"test": 2432232314}')
const HEADERS = {
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': String(TIMESTAMP),
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}

describe('isSignatureValid', () => {
  test('the published example is valid, also among other signatures', () => {
    expect(isSignatureValid(SECRET, { headers: HEADERS, body: BODY }, TIMESTAMP)).toBe(true)
    const several = { ...HEADERS, 'webhook-signature': `v1a,AAAA v1,AAAA ${HEADERS['webhook-signature']}` }
    expect(isSignatureValid(SECRET, { headers: several, body: BODY }, TIMESTAMP)).toBe(true)
  })

  test.each([
    ['a changed body', { body: Buffer.from('{"test": 2432232315}') }],
    ['another id', { headers: { ...HEADERS, 'webhook-id': 'msg_other' } }],
    ['another time', { headers: { ...HEADERS, 'webhook-timestamp': String(TIMESTAMP + 1) } }],
    ['no signature', { headers: { ...HEADERS, 'webhook-signature': undefined } }],
    [
      'an unknown version',
      { headers: { ...HEADERS, 'webhook-signature': HEADERS['webhook-signature'].replace('v1', 'v2') } },
    ],
  ])('%s is not', (_name, change) => {
    expect(isSignatureValid(SECRET, { headers: HEADERS, body: BODY, ...change }, TIMESTAMP)).toBe(false)
  })

  test('an old one is not, nor one from the future, nor one by another secret', () => {
    expect(isSignatureValid(SECRET, { headers: HEADERS, body: BODY }, TIMESTAMP + 301)).toBe(false)
    expect(isSignatureValid(SECRET, { headers: HEADERS, body: BODY }, TIMESTAMP - 301)).toBe(false)
    expect(isSignatureValid('whsec_AAAA', { headers: HEADERS, body: BODY }, TIMESTAMP)).toBe(false)
  })
})
