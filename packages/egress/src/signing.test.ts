import { createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { createSigner, type SignatureHeaders, signWebhook } from './signing.js'
import { createSigningKeyPair, createSigningSecret, parseSigningSecret } from './signing-secret.js'

const SECRET = createSigningSecret()
const BODY = '{"id":"msg_1","type":"order.paid","data":{"note":"größer ≥ 5 €"}}'
const MESSAGE = { id: 'msg_1', timestampSeconds: Math.floor(Date.now() / 1000), body: BODY }

const VERIFIERS = [
  ['standardwebhooks', (secret: string) => new StandardWebhook(secret)],
  ['svix', (secret: string) => new SvixWebhook(secret)],
] as const

const flipBit = (text: string, bit: number): string => {
  const bytes = Buffer.from(text)
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return bytes.toString('latin1')
}

/** RFC 8410: an ed25519 public key is 32 bytes after this head. */
const toPublicKey = (whpk: string) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(whpk.slice(5), 'base64')]),
    format: 'der',
    type: 'spki',
  })

describe.each(VERIFIERS)('the published verifier of %s', (_name, verifierOf) => {
  const verifies = (headers: SignatureHeaders, body: string | Buffer, secret = SECRET): boolean => {
    try {
      verifierOf(secret).verify(body, { ...headers })
      return true
    } catch {
      return false
    }
  }

  it('accepts what we sign, as a string and as bytes', () => {
    expect(verifies(signWebhook({ ...MESSAGE, secrets: [SECRET] }), BODY)).toBe(true)
    const asBytes = signWebhook({ ...MESSAGE, body: Buffer.from(BODY), secrets: [SECRET] })
    expect(verifies(asBytes, Buffer.from(BODY))).toBe(true)
    expect(asBytes).toEqual(signWebhook({ ...MESSAGE, secrets: [SECRET] }))
  })

  it('agrees with its own signing, byte for byte', () => {
    const theirs = verifierOf(SECRET).sign(MESSAGE.id, new Date(MESSAGE.timestampSeconds * 1000), BODY)
    expect(signWebhook({ ...MESSAGE, secrets: [SECRET] })['webhook-signature']).toBe(theirs)
  })

  it.each([24, 32, 64])('accepts a secret of %d bytes that the tenant brought along', (length) => {
    const secret = `whsec_${Buffer.alloc(length, 7).toString('base64')}`
    expect(verifies(signWebhook({ ...MESSAGE, secrets: [secret] }), BODY, secret)).toBe(true)
  })

  it('refuses every single flipped bit of an ASCII body, of the id, and of the timestamp', () => {
    const body = '{"type":"order.paid"}'
    const headers = signWebhook({ ...MESSAGE, body, secrets: [SECRET] })
    expect(verifies(headers, body)).toBe(true)
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      expect(verifies(headers, Buffer.from(flipBit(body, bit), 'latin1'))).toBe(false)
    }
    for (let bit = 0; bit < MESSAGE.id.length * 8; bit += 1) {
      expect(verifies({ ...headers, 'webhook-id': flipBit(MESSAGE.id, bit) }, body)).toBe(false)
    }
    const timestamp = headers['webhook-timestamp']
    for (let bit = 0; bit < timestamp.length * 8; bit += 1) {
      expect(verifies({ ...headers, 'webhook-timestamp': flipBit(timestamp, bit) }, body)).toBe(false)
    }
  })

  it('refuses another secret and a flipped bit of the signature', () => {
    const headers = signWebhook({ ...MESSAGE, secrets: [SECRET] })
    expect(verifies(headers, BODY, createSigningSecret())).toBe(false)
    const signature = Buffer.from(headers['webhook-signature'].slice(3), 'base64')
    signature[0] = (signature[0] ?? 0) ^ 1
    expect(verifies({ ...headers, 'webhook-signature': `v1,${signature.toString('base64')}` }, BODY)).toBe(false)
  })

  it('accepts the new and the old secret while both sign, beside an asymmetric signature', () => {
    const next = createSigningSecret()
    const headers = signWebhook({ ...MESSAGE, secrets: [next, SECRET, createSigningKeyPair().secretKey] })
    expect(headers['webhook-signature'].split(' ').map((one) => one.split(',')[0])).toEqual(['v1', 'v1', 'v1a'])
    expect(verifies(headers, BODY, next)).toBe(true)
    expect(verifies(headers, BODY, SECRET)).toBe(true)
    expect(verifies(headers, BODY, createSigningSecret())).toBe(false)
  })
})

describe('v1a signatures', () => {
  const pair = createSigningKeyPair()
  const headers = signWebhook({ ...MESSAGE, secrets: [pair.secretKey] })
  const signature = Buffer.from(headers['webhook-signature'].slice('v1a,'.length), 'base64')
  const verifies = (text: string): boolean => verify(null, Buffer.from(text), toPublicKey(pair.publicKey), signature)

  it('are verified with the public key alone, and refused with one bit flipped', () => {
    const signed = `${MESSAGE.id}.${MESSAGE.timestampSeconds}.${BODY}`
    expect(verifies(signed)).toBe(true)
    expect(verifies(signed.replace('order.paid', 'order.qaid'))).toBe(false)
    expect(verifies(signed.replace('msg_1', 'msg_0'))).toBe(false)
    expect(verifies(signed.replace(`.${MESSAGE.timestampSeconds}.`, `.${MESSAGE.timestampSeconds + 1}.`))).toBe(false)
  })

  it('read the key pair that Standard Webhooks publishes as its example', () => {
    const secretKey = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='
    const publicKey = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='
    const example = signWebhook({ ...MESSAGE, secrets: [secretKey] })['webhook-signature'].slice('v1a,'.length)
    const signed = Buffer.from(`${MESSAGE.id}.${MESSAGE.timestampSeconds}.${BODY}`)
    expect(verify(null, signed, toPublicKey(publicKey), Buffer.from(example, 'base64'))).toBe(true)
  })
})

describe('createSigner', () => {
  const sign = createSigner([SECRET])

  it.each(['', 'a.b', 'a b', 'ä', 'a\n', 'x'.repeat(257)])('signs no message with the id %j', (id) => {
    expect(() => sign({ ...MESSAGE, id })).toThrow('message id')
  })

  it.each([Number.NaN, 1.5, -1, Number.POSITIVE_INFINITY])(
    'signs no message with the timestamp %d',
    (timestampSeconds) => {
      expect(() => sign({ ...MESSAGE, timestampSeconds })).toThrow('timestamp')
    },
  )

  it('wants one to five secrets, all of them good', () => {
    expect(() => createSigner([])).toThrow(RangeError)
    expect(() => createSigner(Array.from({ length: 6 }, createSigningSecret))).toThrow(RangeError)
    expect(() => createSigner([SECRET, 'whsec_short'])).toThrow(TypeError)
  })
})

describe('parseSigningSecret', () => {
  const ofBytes = (length: number): string => `whsec_${Buffer.alloc(length, 0xfb).toString('base64')}`

  it('reads what is made here, never the same twice', () => {
    const secrets = Array.from({ length: 50 }, createSigningSecret)
    expect(new Set(secrets).size).toBe(50)
    for (const secret of secrets) expect(parseSigningSecret(secret)).toMatchObject({ ok: true, key: { kind: 'hmac' } })
    expect(parseSigningSecret(createSigningKeyPair().secretKey)).toMatchObject({ ok: true, key: { kind: 'ed25519' } })
    expect(Buffer.from(createSigningSecret().slice(6), 'base64').length).toBe(32)
  })

  it.each([ofBytes(24), ofBytes(64), ofBytes(32).replace('=', ''), `whsk_${Buffer.alloc(32, 1).toString('base64')}`])(
    '%s is read',
    (secret) => {
      expect(parseSigningSecret(secret).ok).toBe(true)
    },
  )

  const foreign = Buffer.concat([
    Buffer.from(createSigningKeyPair().secretKey.slice(5), 'base64').subarray(0, 32),
    Buffer.from(createSigningKeyPair().publicKey.slice(5), 'base64'),
  ])
  it.each([
    '',
    'whsec_',
    'secret',
    ofBytes(23),
    ofBytes(65),
    ofBytes(32).slice('whsec_'.length),
    ofBytes(32).replaceAll('+', '-').replaceAll('/', '_'),
    `${ofBytes(32)} `,
    `${ofBytes(32).slice(0, 10)}!${ofBytes(32).slice(10)}`,
    createSigningKeyPair().publicKey,
    `whsk_${Buffer.alloc(31).toString('base64')}`,
    `whsk_${Buffer.alloc(48).toString('base64')}`,
    `whsk_${foreign.toString('base64')}`,
    'whsk_%%%',
  ])('%j is refused, and not repeated in the message', (secret) => {
    const parsed = parseSigningSecret(secret)
    expect(parsed.ok).toBe(false)
    if (!parsed.ok && secret.length > 10) expect(parsed.message).not.toContain(secret.slice(6))
  })
})
