import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ReceivedRequest } from '@signalbox/testkit'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { type RunningApps, startApps } from '../e2e/start-apps.js'

let apps: RunningApps
let request: ReceivedRequest
let secret: string

beforeAll(async () => {
  apps = await startApps()
  secret = (await apps.subscribe('/signed')).secret
  const event = { id: 'é"\\', name: 'order.paid', payload: { text: 'naïve 😀 \u2028', n: 1.5, deep: [{ a: null }] } }
  expect((await apps.call('POST', '/api/v1/events', { body: { event } })).status).toBe(200)
  const [received] = await apps.receiver.untilReceived(1, '/signed')
  if (received === undefined) throw new Error('nothing was received')
  request = received
})

afterAll(async () => {
  await apps?.stop()
})

type Verify = (body: string | Buffer, headers: Record<string, string>) => unknown

const verifiers: [string, Verify][] = [
  ['standardwebhooks', (body, headers) => new StandardWebhook(secret).verify(body, headers)],
  ['svix', (body, headers) => new SvixWebhook(secret).verify(body, headers)],
]

function readHeaders(): Record<string, string> {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature']
  return Object.fromEntries(names.map((name) => [name, String(request.headers[name])]))
}

/** Flips one bit of the text. */
function flip(text: string, bit: number): Buffer {
  const bytes = Buffer.from(text)
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return bytes
}

describe.each(verifiers)('the published package %s', (_, verify) => {
  test('verifies a delivery that was really received', () => {
    expect(verify(request.body, readHeaders())).toMatchObject({ type: 'order.paid', source: 'trigger.dev' })
  })

  test('refuses the body with any one bit flipped', () => {
    const bits = Buffer.byteLength(request.body) * 8
    for (let bit = 0; bit < bits; bit += 7) expect(() => verify(flip(request.body, bit), readHeaders())).toThrow()
  })

  test('refuses another id, another time and another signature', () => {
    const headers = readHeaders()
    const { 'webhook-id': id = '', 'webhook-timestamp': time = '', 'webhook-signature': signature = '' } = headers
    const changes: Record<string, string>[] = [
      { 'webhook-id': flip(id, 3).toString('latin1') },
      { 'webhook-timestamp': String(Number(time) + 1) },
      {
        'webhook-signature': `v1,${flip(Buffer.from(signature.slice(3), 'base64').toString('latin1'), 9).toString('base64')}`,
      },
    ]
    for (const change of changes) expect(() => verify(request.body, { ...headers, ...change })).toThrow()
  })
})

test('while a rotation overlaps, the old and the new secret both verify', async () => {
  const [endpoint] = (await apps.call('GET', '/api/v1/webhook-endpoints')).body.data
  const rotated = await apps.call('POST', `/api/v1/webhook-endpoints/${endpoint?.id}/rotate-secret`, { body: {} })
  expect(rotated.status).toBe(200)
  await apps.call('POST', '/api/v1/events', { body: { event: { name: 'x' } } })
  const received = (await apps.receiver.untilReceived(2, '/signed'))[1]
  const headers = received?.headers as Record<string, string>
  for (const each of [secret, rotated.body.secret]) {
    expect(() => new StandardWebhook(each).verify(received?.body ?? '', headers)).not.toThrow()
  }
  expect(rotated.body.secret).not.toBe(secret)
})

describe('the examples of docs/webhooks.md', () => {
  /** The answers of an example for the body, and for the same with one bit flipped; runs in a Node of its own. */
  const runExample = (name: string, secretOrKey: string, received: ReceivedRequest): boolean[] => {
    const page = readFileSync(join(__dirname, '..', '..', 'docs', 'webhooks.md'), 'utf8')
    const example = page.split('```js\n').find((block) => block.includes(`export function ${name}(`)) ?? ''
    const bodies = [received.body, flip(received.body, 9)].map((body) => Buffer.from(body).toString('base64'))
    const call = `${name}(${JSON.stringify(secretOrKey)}, ${JSON.stringify(received.headers)}, Buffer.from(body, 'base64'))`
    const answers = `console.log(JSON.stringify(${JSON.stringify(bodies)}.map((body) => ${call})))`
    const code = `${example.split('```')[0]}\n${answers}`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
    expect(stderr).toBe('')
    return JSON.parse(stdout) as boolean[]
  }

  test('that for v1 verifies a delivery that was really received', () => {
    expect(runExample('isSigned', secret, request)).toEqual([true, false])
  })

  test('that for v1a verifies a delivery that was really received', async () => {
    const body = { url: `${apps.receiver.url}/by-key`, events: ['by.key'], signing: 'v1a' }
    const { publicKey } = (await apps.call('POST', '/api/v1/webhook-endpoints', { body })).body
    await apps.call('POST', '/api/v1/events', { body: { event: { name: 'by.key', payload: { text: 'naïve 😀' } } } })
    const [received] = await apps.receiver.untilReceived(1, '/by-key')
    if (received === undefined) throw new Error('nothing was received')
    expect(received.headers['webhook-signature']).toMatch(/^v1a,/)
    expect(runExample('isSignedByKey', String(publicKey), received)).toEqual([true, false])
  })
})

test('the webhook-id of a request is the id of its delivery', async () => {
  const { status, body } = await apps.call('GET', `/api/v1/deliveries/${request.headers['webhook-id']}`)
  expect(status).toBe(200)
  expect(body).toMatchObject({ id: request.headers['webhook-id'], endpointId: expect.any(String) })
})
