import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createSecretBox, toRowIdentity } from '@signalbox/db'
import { readSetVersion } from './make-dispatchers.js'
import {
  ENDPOINT_WISH,
  ENDPOINTS_ALLOW,
  ENDPOINTS_PATH,
  makeEndpoint,
  openSecrets,
  postEndpoint,
} from './make-endpoints.js'
import { startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: ENDPOINTS_ALLOW })
})

afterAll(async () => {
  await api?.stop()
})

const UNKNOWN_ID = '0191d7c8-0000-7000-8000-000000000001'

test('what looks like a known name is refused, not ignored', async () => {
  const { status, body } = await postEndpoint(api, { payloadFilter: { total: [{ $gt: 5 }] }, timeout: 5 })
  const error = { code: 'unknown_key', message: 'Unknown: did you mean filter?' }
  expect([status, body['detail']]).toEqual([422, `/payloadFilter: ${error.message} (and 1 more)`])
  expect(body['errors']).toEqual([
    { pointer: '/payloadFilter', ...error },
    { pointer: '/timeout', code: 'unknown_key', message: 'Unknown: did you mean timeoutMs?' },
  ])
  const { id } = await makeEndpoint(api, { color: 'green' })
  const patched = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body: { payloadFilter: {} } })
  expect([patched.status, patched.body['code']]).toEqual([422, 'invalid'])
  const listed = await api.call('GET', '/api/v1/deliveries?stat=skipped')
  expect([listed.status, listed.body['detail']]).toEqual([422, 'in the query, /stat: Unknown: did you mean state?'])
})

describe('making', () => {
  test('one call makes the endpoint and its dispatcher; the secret is in this answer alone', async () => {
    const body = {
      ...ENDPOINT_WISH,
      events: ['a', 'b*'],
      source: 'shop',
      filter: { total: [{ $gt: 5 }] },
      contextFilter: { test: [false] },
      accountId: 'customer',
      description: 'Ledger',
      headers: { 'X-Api-Key': 'hush-hush', Authorization: 'Bearer deep-secret' },
      timeoutMs: 1_000,
      concurrency: 100,
      retryPolicy: { type: 'exponential', initialSeconds: 1, factor: 2, maxSeconds: 60, attempts: 20 },
      method: 'PUT',
    }
    const answer = await api.call('POST', ENDPOINTS_PATH, { body })
    expect(answer.status).toBe(201)
    const masked = { 'x-api-key': '••••••••', authorization: '••••••••' }
    expect(answer.body).toMatchObject({ ...body, headers: masked, enabled: true, signing: 'v1', publicKey: null })
    expect(answer.body['secret']).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(answer.text).not.toMatch(/hush-hush|deep-secret/)

    const { id, dispatcherId, secret, ...rest } = answer.body as Record<string, string>
    const shown = await api.call('GET', `${ENDPOINTS_PATH}/${id}`)
    expect(shown.body).toEqual({ id, dispatcherId, ...rest })
    expect(shown.text).not.toContain(secret)
    expect((await api.call('GET', ENDPOINTS_PATH)).text).not.toContain(secret)

    const dispatcher = await api.call('GET', `/api/v1/event-dispatchers/${dispatcherId}`)
    expect(dispatcher.body).toMatchObject({
      event: ['a', 'b*'],
      source: 'shop',
      payloadFilter: body.filter,
      contextFilter: body.contextFilter,
      accountId: 'customer',
      dispatchable: { type: 'WEBHOOK', id },
      dispatchableId: id,
    })
  })

  test('what is absent has its default', async () => {
    expect(await makeEndpoint(api)).toMatchObject({
      description: '',
      source: 'trigger.dev',
      filter: null,
      contextFilter: null,
      accountId: null,
      method: 'POST',
      headers: {},
      timeoutMs: 15_000,
      concurrency: 50,
      retryPolicy: { delaysSeconds: [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] },
      enabled: true,
      disabledReason: null,
    })
  })

  test('secret and headers are sealed at rest, and open in their own row only', async () => {
    const made = await makeEndpoint(api, { headers: { 'x-key': 'hush-hush' } })
    const row = await api.database.prisma.webhookEndpoint.findFirstOrThrow({ where: { id: made.id } })
    const stored = JSON.stringify(row)
    expect(stored).not.toContain('hush-hush')
    expect(stored).not.toContain(made['secret'])
    expect(await openSecrets(api, made.id)).toEqual([{ secret: made['secret'], expiresAt: null }])
    const box = createSecretBox(api.config.SECRETS_MASTER_KEYS)
    const own = { organizationId: row.organizationId, table: 'webhook_endpoints', id: made.id }
    expect(JSON.parse(box.open(row.headersSealed ?? '', toRowIdentity(own)))).toEqual({ 'x-key': 'hush-hush' })
    const stranger = toRowIdentity({ ...own, organizationId: api.b.organizationId })
    expect(() => box.open(row.secretsSealed, stranger)).toThrow('changed or belongs to another row')
  })

  test('a secret that the caller brings along is taken', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
    expect(await makeEndpoint(api, { secret, signing: 'v1' })).toMatchObject({ secret, signing: 'v1' })
  })

  test('v1a: the public key is shown, also later, and the private one never', async () => {
    const made = await makeEndpoint(api, { signing: 'v1a' })
    expect(made).toMatchObject({ signing: 'v1a', publicKey: expect.stringMatching(/^whpk_/) })
    expect(made).not.toHaveProperty('secret')
    const [stored] = await openSecrets(api, made.id)
    expect(stored?.secret).toMatch(/^whsk_/)
    const shown = await api.call('GET', `${ENDPOINTS_PATH}/${made.id}`)
    expect(shown.body['publicKey']).toBe(made['publicKey'])
    expect(shown.text).not.toContain('whsk_')
  })

  test('v1a with a key of the caller: the public half is derived', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
    const expected = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
    const made = await makeEndpoint(api, { secret: `whsk_${seed.toString('base64')}` })
    expect(made).toMatchObject({ signing: 'v1a', publicKey: `whpk_${expected}` })
  })

  test('a host that the operator opened is taken; null stands for nothing', async () => {
    const made = await makeEndpoint(api, {
      url: 'https://hooks.internal/a?b=c#fragment',
      filter: null,
      contextFilter: null,
      accountId: null,
      headers: null,
      retryPolicy: null,
      rateLimit: null,
      ordered: false,
    })
    expect(made).toMatchObject({ url: 'https://hooks.internal/a?b=c', headers: {}, filter: null })
  })
})

describe('refused', () => {
  const delays = (count: number): number[] => Array.from({ length: count }, () => 1)
  const exponential = { type: 'exponential', initialSeconds: 1, factor: 2, maxSeconds: 60, attempts: 5 }

  test.each<[string, object, string, string]>([
    ['no URL', { url: undefined }, 'invalid', '/url'],
    ['loopback', { url: 'http://127.0.0.1/' }, 'address_refused', '/url'],
    ['private', { url: 'http://192.168.1.1/' }, 'address_refused', '/url'],
    ['metadata', { url: 'http://169.254.169.254/' }, 'address_refused', '/url'],
    ['octal', { url: 'http://0177.0.0.1/' }, 'address_refused', '/url'],
    ['trailing dot', { url: 'https://example.com./' }, 'address_refused', '/url'],
    ['credentials', { url: 'https://a:b@8.8.8.8/' }, 'invalid', '/url'],
    ['file', { url: 'file:///etc/passwd' }, 'invalid', '/url'],
    ['a URL with a line break', { url: 'https://8.8.8.8/\nx' }, 'invalid', '/url'],
    ['a URL that is too long', { url: `https://8.8.8.8/${'x'.repeat(3_000)}` }, 'invalid', '/url'],
    ['no events', { events: [] }, 'invalid', '/events'],
    ['one event, not in an array', { events: 'a' }, 'invalid', '/events'],
    ['a bad name', { events: ['a', ''] }, 'invalid', '/events/1'],
    ['a bad filter', { filter: { a: { b: 1 } } }, 'invalid', '/filter/a/b'],
    ['a bad context filter', { contextFilter: [] }, 'invalid', '/contextFilter'],
    ['too short a time', { timeoutMs: 999 }, 'invalid', '/timeoutMs'],
    ['too long a time', { timeoutMs: 60_001 }, 'invalid', '/timeoutMs'],
    ['no concurrency', { concurrency: 0 }, 'invalid', '/concurrency'],
    ['too much of it', { concurrency: 101 }, 'invalid', '/concurrency'],
    ['GET', { method: 'GET' }, 'invalid', '/method'],
    ['a long description', { description: 'x'.repeat(1_025) }, 'invalid', '/description'],
    ['21 delays', { retryPolicy: { delaysSeconds: delays(21) } }, 'invalid', '/retryPolicy'],
    [
      'a delay of over a week',
      { retryPolicy: { delaysSeconds: [604_801] } },
      'invalid',
      '/retryPolicy/delaysSeconds/0',
    ],
    ['a negative delay', { retryPolicy: { delaysSeconds: [-1] } }, 'invalid', '/retryPolicy/delaysSeconds/0'],
    ['21 attempts', { retryPolicy: { ...exponential, attempts: 21 } }, 'invalid', '/retryPolicy/attempts'],
    ['a shrinking factor', { retryPolicy: { ...exponential, factor: 0.5 } }, 'invalid', '/retryPolicy/factor'],
    ['an unknown policy', { retryPolicy: { type: 'linear' } }, 'invalid', '/retryPolicy'],
    ['headers as an array', { headers: ['a'] }, 'invalid', '/headers'],
    ['a header that is a number', { headers: { a: 1 } }, 'invalid', '/headers'],
    ['a header of the signature', { headers: { 'Webhook-Id': 'x' } }, 'invalid', '/headers/Webhook-Id'],
    ['Host', { headers: { host: 'x' } }, 'invalid', '/headers/host'],
    ['a header that splits the request', { headers: { a: 'x\r\nb: c' } }, 'invalid', '/headers/a'],
    ['a header named __proto__', { headers: JSON.parse('{"__proto__": "x"}') }, 'invalid', '/headers'],
    ['a short secret', { secret: 'whsec_c2hvcnQ=' }, 'invalid', '/secret'],
    ['a secret without its prefix', { secret: 'x'.repeat(40) }, 'invalid', '/secret'],
    ['a secret of the other scheme', { signing: 'v1a', secret: `whsec_${'A'.repeat(32)}` }, 'invalid', '/signing'],
    ['an unknown scheme', { signing: 'v2' }, 'invalid', '/signing'],
    ['a rate limit', { rateLimit: { perSecond: 1 } }, 'not_supported_yet', '/rateLimit'],
    ['order', { ordered: true }, 'not_supported_yet', '/ordered'],
    ['auth', { auth: { type: 'basic' } }, 'not_supported_yet', '/auth'],
    ['CloudEvents', { format: 'CloudEvents' }, 'not_supported_yet', '/format'],
  ])('%s', async (_, change, code, pointer) => {
    const count = await api.database.prisma.webhookEndpoint.count()
    const answer = await postEndpoint(api, change)
    expect([answer.status, answer.body['code']]).toEqual([422, code])
    expect(answer.body['errors']).toMatchObject([{ pointer }])
    expect(await api.database.prisma.webhookEndpoint.count()).toBe(count)
  })

  test('the text of a refused secret or header is not in the answer', async () => {
    const answers = [
      await postEndpoint(api, { secret: 'whsec_hushhush' }),
      await postEndpoint(api, { headers: { host: 'hushhush' } }),
    ]
    for (const { status, text } of answers) expect([status, text.includes('hushhush')]).toEqual([422, false])
  })

  test('there is no way to read a secret back', async () => {
    const { id } = await makeEndpoint(api)
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${id}/secret`)).status).toBe(404)
  })
})

describe('changing', () => {
  test('PATCH changes endpoint and dispatcher, and the version when the dispatcher changes', async () => {
    const { id, dispatcherId } = await makeEndpoint(api, { filter: { a: [1] }, headers: { a: 'b' } })
    const version = await readSetVersion(api)
    const settings = { url: 'http://127.0.0.1:4011/other', description: 'new', timeoutMs: 5_000, method: 'PATCH' }
    const changed = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body: settings })
    expect(changed.body).toMatchObject({ ...settings, filter: { a: [1] }, headers: { a: '••••••••' } })
    expect(await readSetVersion(api)).toBe(version)
    const subscription = { events: ['x'], filter: null, contextFilter: { c: [1] }, accountId: 'p', source: '*' }
    const again = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body: subscription })
    expect(again.body).toMatchObject({ ...settings, ...subscription })
    expect(await readSetVersion(api)).toBe(version + 1n)
    expect((await api.call('GET', `/api/v1/event-dispatchers/${dispatcherId}`)).body).toMatchObject({
      event: ['x'],
      payloadFilter: null,
      contextFilter: { c: [1] },
      accountId: 'p',
      source: '*',
    })
    const cleared = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, {
      body: { accountId: null, headers: null, retryPolicy: null },
    })
    expect(cleared.body).toMatchObject({ accountId: null, headers: {}, events: ['x'] })
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${id}`)).body).toEqual(cleared.body)
  })

  test.each<[object, string]>([
    [{ url: 'http://10.0.0.1/' }, 'address_refused'],
    [{ url: null }, 'invalid'],
    [{ events: [] }, 'invalid'],
    [{ filter: { a: 1 } }, 'invalid'],
    [{ headers: { host: 'x' } }, 'invalid'],
    [{ ordered: true }, 'not_supported_yet'],
    [{ secret: `whsec_${'A'.repeat(32)}` }, 'not_supported_yet'],
    [{ signing: 'v1a' }, 'not_supported_yet'],
  ])('PATCH %j is refused and changes nothing', async (body, code) => {
    const { id } = await makeEndpoint(api)
    const before = await api.call('GET', `${ENDPOINTS_PATH}/${id}`)
    const answer = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body })
    expect([answer.status, answer.body['code']]).toEqual([422, code])
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${id}`)).body).toEqual(before.body)
  })

  test('a PATCH that is refused half way is refused whole', async () => {
    const { id, dispatcherId } = await makeEndpoint(api)
    await api.call('DELETE', `/api/v1/event-dispatchers/${dispatcherId}`)
    const refused = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body: { description: 'x', source: 's' } })
    expect([refused.status, refused.body['errors']]).toMatchObject([422, [{ pointer: '/events' }]])
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${id}`)).body).toMatchObject({
      description: '',
      events: [],
      dispatcherId: null,
    })
    const mended = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body: { events: ['again'] } })
    expect(mended.body).toMatchObject({ events: ['again'], dispatcherId: expect.any(String) })
  })

  test('a change of the filter, and of the dispatcher, shows', async () => {
    const { id, dispatcherId, updatedAt } = await makeEndpoint(api)
    const patched = await api.call('PATCH', `${ENDPOINTS_PATH}/${id}`, { body: { filter: { a: [1] } } })
    expect(Date.parse(String(patched.body['updatedAt']))).toBeGreaterThan(Date.parse(String(updatedAt)))
    expect(patched.body['dispatcherEnabled']).toBe(true)
    await api.call('POST', `/api/v1/event-dispatchers/${dispatcherId}/disable`)
    const shown = await api.call('POST', `${ENDPOINTS_PATH}/${id}/enable`)
    expect(shown.body).toMatchObject({ enabled: true, dispatcherEnabled: false })
  })

  test('disable and enable', async () => {
    const { id } = await makeEndpoint(api)
    const off = await api.call('POST', `${ENDPOINTS_PATH}/${id}/disable`)
    expect(off.body).toMatchObject({ id, enabled: false, disabledReason: 'requested' })
    const on = await api.call('POST', `${ENDPOINTS_PATH}/${id}/enable`)
    expect(on.body).toMatchObject({ id, enabled: true, disabledReason: null })
  })

  test('DELETE ends the endpoint and every dispatcher that sends there', async () => {
    const { id, dispatcherId } = await makeEndpoint(api)
    const body = { event: 'z', dispatchable: { type: 'WEBHOOK', id: id.toUpperCase() }, dispatchableId: `second-${id}` }
    const second = await api.call('POST', '/api/v1/event-dispatchers', { body })
    const version = await readSetVersion(api)
    expect((await api.call('DELETE', `${ENDPOINTS_PATH}/${id}`)).status).toBe(204)
    expect(await readSetVersion(api)).toBe(version + 1n)
    for (const one of [dispatcherId, second.body['id']]) {
      expect((await api.call('GET', `/api/v1/event-dispatchers/${one}`)).status).toBe(404)
    }
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${id}`)).status).toBe(404)
    expect((await api.call('DELETE', `${ENDPOINTS_PATH}/${id}`)).status).toBe(404)
    expect((await api.call('POST', `${ENDPOINTS_PATH}/${id}/rotate-secret`)).status).toBe(404)
    const late = await api.call('POST', '/api/v1/event-dispatchers', { body })
    expect(late.status).toBe(422)
  })
})

describe('tenants', () => {
  test('another tenant and another environment get 403 and nothing changes; nowhere is 404', async () => {
    const { id } = await makeEndpoint(api, { description: 'hush' })
    const before = await api.call('GET', `${ENDPOINTS_PATH}/${id}`)
    const sealed = await openSecrets(api, id)
    for (const key of [api.b.production.secretKey, api.a.development.secretKey]) {
      const calls: [string, string, unknown][] = [
        ['GET', '', undefined],
        ['PATCH', '', { description: 'mine' }],
        ['DELETE', '', undefined],
        ['POST', '/enable', undefined],
        ['POST', '/disable', undefined],
        ['POST', '/rotate-secret', undefined],
      ]
      for (const [method, path, body] of calls) {
        const answer = await api.call(method, `${ENDPOINTS_PATH}/${id}${path}`, { key, body })
        expect([method, path, answer.status]).toEqual([method, path, 403])
        expect(answer.text).not.toMatch(/hush|whsec/)
        expect((await api.call(method, `${ENDPOINTS_PATH}/${UNKNOWN_ID}${path}`, { key, body })).status).toBe(404)
      }
      expect((await api.call('GET', ENDPOINTS_PATH, { key })).text).not.toContain(id)
    }
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${id}`)).body).toEqual(before.body)
    expect(await openSecrets(api, id)).toEqual(sealed)
  })

  test('a public key may do nothing here', async () => {
    const key = api.a.production.publicKey
    expect((await postEndpoint(api, {}, key)).status).toBe(403)
    expect((await api.call('GET', ENDPOINTS_PATH, { key })).status).toBe(403)
  })
})
