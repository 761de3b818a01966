import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  createDispatcherMaker,
  type DispatcherMaker,
  DISPATCHERS_PATH,
  makeSilentEndpoint,
  readSetVersion,
} from './make-dispatchers.js'
import { startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi
let wish: DispatcherMaker['wish']
let post: DispatcherMaker['post']
let makeDispatcher: DispatcherMaker['makeDispatcher']
let endpointId: string

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

beforeEach(async () => {
  ;({ wish, post, makeDispatcher, endpointId } = await createDispatcherMaker(api))
})

test('a misnamed filter is refused, also in a dry run', async () => {
  const refused = await post(wish({ filter: { a: [1] } }))
  expect([refused.status, refused.body['errors']]).toEqual([
    422,
    [{ pointer: '/filter', code: 'unknown_key', message: 'Unknown: did you mean payloadFilter?' }],
  ])
  const tried = await api.call('POST', `${DISPATCHERS_PATH}/test`, { body: { event: {}, payloadFilter: { a: [1] } } })
  expect([tried.status, tried.body['detail']]).toEqual([422, '/payloadFilter: Unknown: did you mean filter?'])
})

describe('making and showing', () => {
  test('everything that was given is answered, stored and listed', async () => {
    const body = wish({
      event: ['invoice.*', 'order', 'order', '*'],
      source: '*',
      payloadFilter: { customer: { country: ['DE', 'FR'], age: [{ $gte: 18 }] } },
      contextFilter: { test: [{ $exists: false }] },
      manual: true,
      enabled: false,
      accountId: 'new account',
    })
    const answer = await post(body)
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({
      ...body,
      filterLanguage: 'signalbox',
      id: expect.any(String),
      event: ['invoice.*', 'order', '*'],
      expiresAt: null,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      index: {
        indexed: true,
        conditions: [{ filter: 'payloadFilter', pointer: '/customer/country', operator: 'literals' }],
        warning: null,
      },
    })
    const shown = await api.call('GET', `${DISPATCHERS_PATH}/${answer.body['id']}`)
    expect(shown.body).toEqual(answer.body)
    const upper = await api.call('GET', `${DISPATCHERS_PATH}/${String(answer.body['id']).toUpperCase()}`)
    expect(upper.body).toEqual(answer.body)
    const listed = await api.call('GET', `${DISPATCHERS_PATH}?limit=1`)
    const { index, ...listing } = answer.body
    expect(index).toBeDefined()
    expect(listed.body['data']).toEqual([listing])
    expect((await api.call('GET', '/api/v1/accounts/new%20account')).status).toBe(200)
  })

  test('what is absent has its default', async () => {
    const answer = await post({ event: 'a', dispatchable: { type: 'WEBHOOK', id: await makeLonelyEndpoint() } })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({
      event: ['a'],
      source: 'trigger.dev',
      payloadFilter: null,
      contextFilter: null,
      manual: false,
      enabled: true,
      accountId: null,
    })
    expect(answer.body['dispatchableId']).toBe((answer.body['dispatchable'] as { id: string }).id)
  })

  test('a dispatchableId is unique in its environment, and free again after deletion', async () => {
    const body = wish()
    const first = await post(body)
    const second = await post(body)
    expect([first.status, second.status, second.body['code']]).toEqual([201, 409, 'conflict'])
    const own = await post(wish({ dispatchableId: undefined }))
    expect([own.status, own.body['detail']]).toEqual([
      409,
      expect.stringContaining('Give a dispatchableId of your own'),
    ])
    expect((await api.call('DELETE', `${DISPATCHERS_PATH}/${first.body['id']}`)).status).toBe(204)
    expect((await post(body)).status).toBe(201)
  })

  test('of many same ones at the same moment one is made', async () => {
    const body = wish()
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(body)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409])
  })

  test('an environment has no more dispatchers than it may have, made in whichever way', async () => {
    const { id: environmentId, secretKey: key } = api.a.development
    const where = { environmentId, deletedAt: null }
    const count = () => api.database.prisma.eventDispatcher.count({ where })
    const endpoint = { url: 'https://example.com/', events: ['a'] }
    const create = (path: string, body: object) => api.call('POST', path, { key, body })
    const first = await create('/api/v1/webhook-endpoints', endpoint)
    expect(first.status).toBe(201)
    const limits = { dispatchersMax: await count() }
    const restore = await api.database.prisma.runtimeEnvironment.findFirstOrThrow({ where: { id: environmentId } })
    await api.database.prisma.runtimeEnvironment.updateMany({ where: { id: environmentId }, data: { limits } })
    try {
      const wishes: [string, object][] = [
        ['/api/v1/webhook-endpoints', endpoint],
        [
          DISPATCHERS_PATH,
          { event: 'a', dispatchable: { type: 'WEBHOOK', id: first.body['id'] }, dispatchableId: 'one more' },
        ],
        [`${DISPATCHERS_PATH}/ephemeral`, { name: 'a', url: 'https://example.com/once', timeoutInSeconds: 60 }],
      ]
      for (const [path, body] of wishes) {
        const refused = await create(path, body)
        expect([path, refused.status, refused.body['code']]).toEqual([path, 422, 'limit_exceeded'])
      }
      expect(await count()).toBe(limits.dispatchersMax)
      const endpoints = await api.database.prisma.webhookEndpoint.count({ where })
      await api.call('DELETE', `/api/v1/webhook-endpoints/${first.body['id']}`, { key })
      expect((await create('/api/v1/webhook-endpoints', endpoint)).status).toBe(201)
      expect(await api.database.prisma.webhookEndpoint.count({ where })).toBe(endpoints)
    } finally {
      await api.database.prisma.runtimeEnvironment.updateMany({
        where: { id: environmentId },
        data: { limits: restore.limits ?? {} },
      })
    }
  })

  test('an unknown account is refused where the environment says so, and nothing is stored', async () => {
    const { id, secretKey: key } = api.b.development
    // Set before the key is first used: what is known of a key is remembered for some seconds.
    const where = { id }
    await api.database.prisma.runtimeEnvironment.updateMany({ where, data: { unknownAccounts: 'reject' } })
    const dispatchable = { type: 'WEBHOOK', id: await makeSilentEndpoint(api, key) }
    const body = { event: 'a', dispatchable, dispatchableId: 'own', accountId: 'stranger' }
    const refused = await post(body, key)
    expect(refused.status).toBe(422)
    expect(refused.body).toMatchObject({ code: 'unknown_account', errors: [{ pointer: '/accountId' }] })
    expect(await api.database.prisma.externalAccount.count({ where: { environmentId: id } })).toBe(0)
    const made = await api.call('POST', '/api/v1/accounts', { key, body: { identifier: 'stranger' } })
    expect(made.status).toBe(201)
    expect((await post(body, key)).status).toBe(201)
  })

  test('a refused dispatcher leaves no account behind', async () => {
    const answer = await post(wish({ accountId: 'left behind', dispatchable: { type: 'WEBHOOK', id: UNKNOWN_ID } }))
    expect(answer.status).toBe(422)
    expect(await api.database.prisma.externalAccount.count({ where: { identifier: 'left behind' } })).toBe(0)
  })
})

const UNKNOWN_ID = '0191d7c8-0000-7000-8000-000000000001'

async function makeLonelyEndpoint(): Promise<string> {
  const id = await makeSilentEndpoint(api, api.a.production.secretKey)
  const endpoint = await api.call('GET', `/api/v1/webhook-endpoints/${id}`)
  expect((await api.call('DELETE', `${DISPATCHERS_PATH}/${endpoint.body['dispatcherId']}`)).status).toBe(204)
  return id
}

describe('refused', () => {
  test.each<[string, () => object, string]>([
    ['no event', () => ({ event: undefined }), '/event'],
    ['no events', () => ({ event: [] }), '/event'],
    ['an empty name', () => ({ event: '' }), '/event/0'],
    ['a blank name', () => ({ event: ['ok', '  '] }), '/event/1'],
    ['a name of 256 characters', () => ({ event: ['x'.repeat(256)] }), '/event/0'],
    ['101 names', () => ({ event: Array.from({ length: 101 }, (_, index) => `e${index}`) }), '/event'],
    ['a number as a name', () => ({ event: [5] }), '/event/0'],
    ['a * in the middle', () => ({ event: ['a.*.b'] }), '/event/0'],
    ['a NUL in a name', () => ({ event: ['a\0'] }), '/event/0'],
    ['an empty source', () => ({ source: '' }), '/source'],
    ['manual as a text', () => ({ manual: 'yes' }), '/manual'],
    ['enabled null', () => ({ enabled: null }), '/enabled'],
    ['an empty account', () => ({ accountId: '' }), '/accountId'],
    ['no dispatchable', () => ({ dispatchable: undefined }), '/dispatchable'],
    ['a dispatchable without a type', () => ({ dispatchable: { id: endpointId } }), '/dispatchable'],
    ['an unknown type', () => ({ dispatchable: { type: 'FAX', id: '1' } }), '/dispatchable/type'],
    ['a type named as a property of objects', () => ({ dispatchable: { type: 'constructor' } }), '/dispatchable/type'],
    [
      'an ephemeral one',
      () => ({ dispatchable: { type: 'EPHEMERAL', url: 'https://a.example' } }),
      '/dispatchable/type',
    ],
    ['a webhook without an id', () => ({ dispatchable: { type: 'WEBHOOK' } }), '/dispatchable/id'],
    ['a webhook whose id is none', () => ({ dispatchable: { type: 'WEBHOOK', id: 'x' } }), '/dispatchable/id'],
    ['an unknown endpoint', () => ({ dispatchable: { type: 'WEBHOOK', id: UNKNOWN_ID } }), '/dispatchable/id'],
    ['a filter that is no object', () => ({ payloadFilter: [] }), '/payloadFilter'],
    ['a bare scalar', () => ({ payloadFilter: { a: 1 } }), '/payloadFilter/a'],
    ['an unknown operator', () => ({ contextFilter: { a: { b: [{ $near: 1 }] } } }), '/contextFilter/a/b/0/$near'],
    ['a key with a slash', () => ({ payloadFilter: { 'a/b~c': [null] } }), '/payloadFilter/a~1b~0c/0'],
    [
      'a __proto__ condition that is none',
      () => ({ payloadFilter: JSON.parse('{"__proto__": 1}') }),
      '/payloadFilter/__proto__',
    ],
    ['an empty dispatchableId', () => ({ dispatchableId: '' }), '/dispatchableId'],
  ])('%s', async (_, change, pointer) => {
    const version = await readSetVersion(api)
    const answer = await post(wish(change()))
    expect([answer.status, (answer.body['errors'] as { pointer: string }[])[0]?.pointer]).toEqual([422, pointer])
    expect(await readSetVersion(api)).toBe(version)
  })

  test('a filter that is too deep, too large or has too many conditions', async () => {
    const deep = JSON.parse('{"a":'.repeat(17) + '{"x":["y"]}' + '}'.repeat(17))
    const large = { a: ['x'.repeat(66_000)] }
    const many = { $or: Array.from({ length: 1_001 }, () => ({ a: [1] })) }
    for (const payloadFilter of [deep, large, many]) {
      expect((await post(wish({ payloadFilter }))).status).toBe(422)
    }
  })
})

describe('changing', () => {
  test('PATCH changes what is given, null clears, and the version changes each time', async () => {
    const id = await makeDispatcher({ payloadFilter: { a: [1] }, contextFilter: { b: [2] }, accountId: 'patch' })
    let version = await readSetVersion(api)
    const steps: [object, object][] = [
      [{ payloadFilter: null }, { payloadFilter: null, contextFilter: { b: [2] }, accountId: 'patch' }],
      [{ contextFilter: { c: [3] } }, { payloadFilter: null, contextFilter: { c: [3] } }],
      [{ accountId: null }, { accountId: null }],
      [{ accountId: 'other' }, { accountId: 'other' }],
      [
        { event: ['x', 'y*'], source: 's', manual: true, enabled: false },
        { event: ['x', 'y*'], source: 's', manual: true, enabled: false },
      ],
    ]
    for (const [body, expected] of steps) {
      const answer = await api.call('PATCH', `${DISPATCHERS_PATH}/${id}`, { body })
      expect(answer.status).toBe(200)
      expect(answer.body).toMatchObject(expected)
      expect((await api.call('GET', `${DISPATCHERS_PATH}/${id}`)).body).toEqual(answer.body)
      const next = await readSetVersion(api)
      expect(next).toBeGreaterThan(version)
      version = next
    }
  })

  test('an invalid PATCH changes nothing', async () => {
    const id = await makeDispatcher()
    const before = await api.call('GET', `${DISPATCHERS_PATH}/${id}`)
    for (const body of [
      { event: [] },
      { payloadFilter: { a: 1 } },
      { dispatchable: { type: 'FAX' } },
      { source: null },
    ]) {
      expect((await api.call('PATCH', `${DISPATCHERS_PATH}/${id}`, { body })).status).toBe(422)
    }
    expect((await api.call('GET', `${DISPATCHERS_PATH}/${id}`)).body).toEqual(before.body)
  })

  test('a dispatchable id that was the dispatchable’s own follows it, one that was chosen stays', async () => {
    const [first, second] = [await makeLonelyEndpoint(), await makeLonelyEndpoint()]
    const follower = await post({ event: 'a', dispatchable: { type: 'WEBHOOK', id: first } })
    const patch = { dispatchable: { type: 'WEBHOOK', id: second } }
    const moved = await api.call('PATCH', `${DISPATCHERS_PATH}/${follower.body['id']}`, { body: patch })
    expect(moved.body).toMatchObject({ dispatchable: { id: second }, dispatchableId: second })
    const chosen = await makeDispatcher({ dispatchableId: 'mine' })
    const kept = await api.call('PATCH', `${DISPATCHERS_PATH}/${chosen}`, { body: patch })
    expect(kept.body).toMatchObject({ dispatchable: { id: second }, dispatchableId: 'mine' })
    const taken = await api.call('PATCH', `${DISPATCHERS_PATH}/${chosen}`, { body: { dispatchableId: second } })
    expect(taken.status).toBe(409)
  })

  test('disable and enable', async () => {
    const id = await makeDispatcher()
    const version = await readSetVersion(api)
    expect((await api.call('POST', `${DISPATCHERS_PATH}/${id}/disable`)).body).toMatchObject({ id, enabled: false })
    expect((await api.call('POST', `${DISPATCHERS_PATH}/${id}/enable`)).body).toMatchObject({ id, enabled: true })
    expect(await readSetVersion(api)).toBe(version + 2n)
  })

  test('a deleted one is gone, but its row stays', async () => {
    const id = await makeDispatcher()
    const version = await readSetVersion(api)
    expect((await api.call('DELETE', `${DISPATCHERS_PATH}/${id}`)).status).toBe(204)
    expect(await readSetVersion(api)).toBe(version + 1n)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['PATCH', ''],
      ['POST', '/enable'],
    ] as const) {
      const body = method === 'PATCH' ? {} : undefined
      expect((await api.call(method, `${DISPATCHERS_PATH}/${id}${path}`, { body })).status).toBe(404)
    }
    expect((await api.call('GET', DISPATCHERS_PATH)).text).not.toContain(id)
    expect((await api.database.prisma.eventDispatcher.findFirstOrThrow({ where: { id } })).deletedAt).not.toBeNull()
  })
})

describe('tenants', () => {
  test('another tenant and another environment get 403 and nothing changes; nowhere is 404', async () => {
    const id = await makeDispatcher({ payloadFilter: { word: ['hush'] } })
    const before = await api.call('GET', `${DISPATCHERS_PATH}/${id}`)
    for (const key of [api.b.production.secretKey, api.a.development.secretKey]) {
      const calls: [string, string, unknown][] = [
        ['GET', '', undefined],
        ['PATCH', '', { event: 'stolen' }],
        ['DELETE', '', undefined],
        ['POST', '/enable', undefined],
        ['POST', '/disable', undefined],
      ]
      for (const [method, path, body] of calls) {
        const answer = await api.call(method, `${DISPATCHERS_PATH}/${id}${path}`, { key, body })
        expect([method, path, answer.status]).toEqual([method, path, 403])
        expect(answer.text).not.toContain('hush')
        expect((await api.call(method, `${DISPATCHERS_PATH}/${UNKNOWN_ID}${path}`, { key, body })).status).toBe(404)
        expect((await api.call(method, `${DISPATCHERS_PATH}/not-an-id${path}`, { key, body })).status).toBe(404)
      }
      const tried = { event: { name: 'a' }, dispatcherId: id }
      expect((await api.call('POST', `${DISPATCHERS_PATH}/test`, { key, body: tried })).status).toBe(403)
      expect((await api.call('GET', DISPATCHERS_PATH, { key })).text).not.toContain(id)
    }
    expect((await api.call('GET', `${DISPATCHERS_PATH}/${id}`)).body).toEqual(before.body)
  })

  test("another tenant's endpoint is 403, on POST and on PATCH", async () => {
    const key = api.b.production.secretKey
    const dispatchable = { type: 'WEBHOOK', id: endpointId }
    expect((await post({ event: 'a', dispatchable }, key)).status).toBe(403)
    const own = await post(
      { event: 'a', dispatchable: { type: 'WEBHOOK', id: await makeSilentEndpoint(api, key) }, dispatchableId: 'b' },
      key,
    )
    expect(own.status).toBe(201)
    const moved = await api.call('PATCH', `${DISPATCHERS_PATH}/${own.body['id']}`, { key, body: { dispatchable } })
    expect(moved.status).toBe(403)
  })
})
