import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

const pathOf = (identifier: string): string => `/api/v1/accounts/${encodeURIComponent(identifier)}`

async function makeAccount(identifier: string, metadata?: unknown): Promise<void> {
  const answer = await api.call('POST', '/api/v1/accounts', { body: { identifier, metadata } })
  expect(answer.status).toBe(201)
}

async function listIdentifiers(query: string, key?: string): Promise<string[]> {
  const answer = await api.call('GET', `/api/v1/accounts?${query}`, key === undefined ? {} : { key })
  expect(answer.status).toBe(200)
  return (answer.body['data'] as { identifier: string }[]).map(({ identifier }) => identifier)
}

describe('making and showing', () => {
  test('an account is made, and read back as it was written', async () => {
    const metadata = { constructor: { a: 1 }, $type: 'x', n: null, deep: { list: [1.5, 'ü🚂'] } }
    const made = await api.call('POST', '/api/v1/accounts', { body: { identifier: 'user_1', metadata } })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      identifier: 'user_1',
      metadata,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    })
    const shown = await api.call('GET', pathOf('user_1'))
    expect(shown.status).toBe(200)
    expect(shown.body).toEqual(made.body)
  })

  test('metadata is an empty object when absent', async () => {
    await makeAccount('bare')
    expect((await api.call('GET', pathOf('bare'))).body['metadata']).toEqual({})
  })

  test('the same identifier again is a conflict, and changes nothing', async () => {
    await makeAccount('taken', { first: true })
    const again = await api.call('POST', '/api/v1/accounts', { body: { identifier: 'taken', metadata: {} } })
    expect(again.status).toBe(409)
    expect(again.body).toMatchObject({ code: 'conflict', errors: [{ pointer: '/identifier' }] })
    expect((await api.call('GET', pathOf('taken'))).body['metadata']).toEqual({ first: true })
  })

  test('twenty at the same moment make one', async () => {
    const calls = Array.from({ length: 20 }, () =>
      api.call('POST', '/api/v1/accounts', { body: { identifier: 'racing' } }),
    )
    const statuses = (await Promise.all(calls)).map(({ status }) => status).sort()
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
  })

  test.each([
    'a/b',
    'mail@example.com',
    '100% ü',
    'ключ🚂',
    ' spaces ',
    "'; drop table x --",
    '?x=1#y',
    '__proto__',
    '%41',
    '\\',
  ])('identifier %j works in every call', async (identifier) => {
    await makeAccount(identifier)
    expect((await api.call('GET', pathOf(identifier))).body['identifier']).toBe(identifier)
    const changed = await api.call('PATCH', pathOf(identifier), { body: { metadata: { x: 1 } } })
    expect(changed.body).toMatchObject({ identifier, metadata: { x: 1 } })
    expect((await api.call('DELETE', pathOf(identifier))).status).toBe(204)
    expect((await api.call('GET', pathOf(identifier))).status).toBe(404)
  })
})

describe('refused', () => {
  test.each([
    ['no body members', {}, '/identifier'],
    ['an empty identifier', { identifier: '' }, '/identifier'],
    ['a number', { identifier: 5 }, '/identifier'],
    ['256 characters', { identifier: 'x'.repeat(256) }, '/identifier'],
    ['a NUL', { identifier: 'a\0b' }, '/identifier'],
    ['a lone surrogate', { identifier: 'a\ud800' }, '/identifier'],
    ['metadata null', { identifier: 'm', metadata: null }, '/metadata'],
    ['metadata array', { identifier: 'm', metadata: [] }, '/metadata'],
    ['metadata text', { identifier: 'm', metadata: 'x' }, '/metadata'],
    ['metadata over 64 KiB', { identifier: 'm', metadata: { x: 'x'.repeat(65_536) } }, '/metadata'],
    ['metadata over 64 KiB in bytes', { identifier: 'm', metadata: { x: 'ü'.repeat(33_000) } }, '/metadata'],
    ['a NUL in metadata', { identifier: 'm', metadata: { deep: [{ k: 'a\0' }] } }, '/metadata/deep/0/k'],
    ['a lone surrogate as a key', { identifier: 'm', metadata: { '\udc00': 1 } }, '/metadata/\udc00'],
  ])('%s', async (_, body, pointer) => {
    const answer = await api.call('POST', '/api/v1/accounts', { body })
    expect(answer.status).toBe(422)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    const [error] = answer.body['errors'] as { pointer: string }[]
    expect(error?.pointer).toBe(pointer)
    expect(await api.database.prisma.externalAccount.count({ where: { identifier: 'm' } })).toBe(0)
  })

  test('metadata of exactly 64 KiB is taken', async () => {
    await makeAccount('full', { x: 'x'.repeat(65_536 - '{"x":""}'.length) })
  })

  test('a NUL in the path is 400, bad encoding too, and 256 characters are 422', async () => {
    expect((await api.call('GET', '/api/v1/accounts/a%00b')).status).toBe(400)
    expect((await api.call('GET', '/api/v1/accounts/%ED%A0%80')).status).toBe(400)
    expect((await api.call('GET', pathOf('x'.repeat(256)))).status).toBe(422)
    expect((await api.call('GET', pathOf('x'.repeat(255)))).status).toBe(404)
  })

  test('without a key, with a public key, with a wrong method', async () => {
    expect((await api.call('GET', '/api/v1/accounts', { key: null })).status).toBe(401)
    expect((await api.call('GET', '/api/v1/accounts', { key: api.a.production.publicKey })).status).toBe(403)
    const wrong = await api.call('DELETE', '/api/v1/accounts')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS, POST'])
  })
})

describe('changing', () => {
  test('PATCH replaces metadata whole, and without it nothing', async () => {
    await makeAccount('patched', { a: 1, b: 2 })
    const changed = await api.call('PATCH', pathOf('patched'), { body: { metadata: { b: 3 } } })
    expect([changed.status, changed.body['metadata']]).toEqual([200, { b: 3 }])
    const same = await api.call('PATCH', pathOf('patched'), { body: {} })
    expect([same.status, same.body['metadata']]).toEqual([200, { b: 3 }])
    expect((await api.call('PATCH', pathOf('patched'), { body: { metadata: null } })).status).toBe(422)
    expect((await api.call('PATCH', pathOf('nobody'), { body: {} })).status).toBe(404)
  })

  test('PUT makes and replaces, and keeps who it is', async () => {
    const made = await api.call('PUT', pathOf('put'), { body: { metadata: { a: 1 } } })
    expect(made.status).toBe(201)
    const replaced = await api.call('PUT', pathOf('put'), { body: {} })
    expect([replaced.status, replaced.body['metadata']]).toEqual([200, {}])
    expect(replaced.body['createdAt']).toBe(made.body['createdAt'])
    expect((await api.call('PUT', pathOf('put-bare'))).status).toBe(201)
    expect(await api.database.prisma.externalAccount.count({ where: { identifier: 'put' } })).toBe(1)
  })
})

describe('listing', () => {
  test('goes newest first through all of them, page by page', async () => {
    const key = api.a.development.secretKey
    const names = Array.from({ length: 7 }, (_, index) => `list_${index}`)
    for (const identifier of names) await api.call('POST', '/api/v1/accounts', { key, body: { identifier } })
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = `limit=3${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
      const { body } = await api.call('GET', `/api/v1/accounts?${query}`, { key })
      seen.push(...(body['data'] as { identifier: string }[]).map(({ identifier }) => identifier))
      cursor = body['nextCursor'] as string | null
    } while (cursor !== null)
    expect(seen).toEqual(names.toReversed())
  })

  test('by prefix, in which % and _ are nothing special', async () => {
    for (const identifier of ['pre_1', 'preX1', 'pre%2', 'other']) await makeAccount(identifier)
    expect(await listIdentifiers('prefix=pre_')).toEqual(['pre_1'])
    expect(await listIdentifiers('prefix=pre%25')).toEqual(['pre%2'])
    expect(await listIdentifiers('prefix=pre')).toEqual(['pre%2', 'preX1', 'pre_1'])
    expect(await listIdentifiers('prefix=none')).toEqual([])
  })

  test.each([
    ['limit=0', '/limit'],
    ['limit=101', '/limit'],
    ['limit=x', '/limit'],
    ['limit=1&limit=2', '/limit'],
    ['cursor=abc', '/cursor'],
    ['cursor=c1.YWJj', '/cursor'],
    ['cursor=', '/cursor'],
    ['prefix=', '/prefix'],
    [`prefix=${'x'.repeat(256)}`, '/prefix'],
  ])('?%s is refused', async (query, pointer) => {
    const answer = await api.call('GET', `/api/v1/accounts?${query}`)
    expect(answer.status).toBe(422)
    expect(answer.body['errors']).toMatchObject([{ pointer }])
  })
})

describe('deleting', () => {
  test('keeps the events, ends the dispatchers, and changes the version of the set', async () => {
    await makeAccount('leaving')
    const sent = await api.call('POST', '/api/v1/events', {
      body: { event: { id: 'of-leaving', name: 'x' }, options: { accountId: 'leaving' } },
    })
    expect(sent.status).toBe(200)
    const endpoint = await api.call('POST', '/api/v1/webhook-endpoints', {
      body: { url: 'https://8.8.8.8/hook', events: ['x'], accountId: 'leaving' },
    })
    expect(endpoint.status).toBe(201)
    const { environmentId } = await api.database.prisma.externalAccount.findFirstOrThrow({
      where: { identifier: 'leaving' },
    })
    const before = await api.database.prisma.dispatcherSet.findFirstOrThrow({ where: { environmentId } })

    expect((await api.call('DELETE', pathOf('leaving'))).status).toBe(204)

    const event = await api.database.prisma.eventRecord.findFirstOrThrow({ where: { eventId: 'of-leaving' } })
    expect(event.externalAccountId).toBeNull()
    expect((await api.call('GET', `/api/v1/event-dispatchers/${endpoint.body['dispatcherId']}`)).status).toBe(404)
    const after = await api.database.prisma.dispatcherSet.findFirstOrThrow({ where: { environmentId } })
    expect(after.version).toBeGreaterThan(before.version)
    expect((await api.call('DELETE', pathOf('leaving'))).status).toBe(404)
  })
})

describe('tenants', () => {
  test('another tenant and another environment get 403, and nothing changes; nowhere is 404', async () => {
    await makeAccount('only_a', { secret: 'of a' })
    for (const key of [api.b.production.secretKey, api.a.development.secretKey]) {
      for (const [method, body] of [['GET'], ['PATCH', { metadata: {} }], ['DELETE']] as const) {
        const answer = await api.call(method, pathOf('only_a'), { key, body })
        expect([method, answer.status]).toEqual([method, 403])
        expect(answer.text).not.toContain('of a')
        expect((await api.call(method, pathOf('nowhere'), { key, body })).status).toBe(404)
      }
      expect(await listIdentifiers('prefix=only_a', key)).toEqual([])
    }
    expect((await api.call('GET', pathOf('only_a'))).body['metadata']).toEqual({ secret: 'of a' })
  })

  test('the same identifier is an account of its own elsewhere', async () => {
    await makeAccount('shared', { of: 'a' })
    const put = await api.call('PUT', pathOf('shared'), {
      key: api.b.production.secretKey,
      body: { metadata: { of: 'b' } },
    })
    expect(put.status).toBe(201)
    expect((await api.call('GET', pathOf('shared'))).body['metadata']).toEqual({ of: 'a' })
  })
})
