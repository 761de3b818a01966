import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: '127.0.0.1:4011' })
})

afterAll(async () => {
  await api?.stop()
})

const PATH = '/api/v1/event-dispatchers'
const url = (path: string): string => `http://127.0.0.1:4011/${path}`
const create = (body: object, key = api.a.production.secretKey): Promise<ApiAnswer> =>
  api.call('POST', `${PATH}/ephemeral`, { body, key })

test('is made once; the secret is shown once and stored sealed', async () => {
  const body = {
    url: url('one#fragment'),
    name: ['b', 'a'],
    timeoutInSeconds: 60,
    filter: { z: [1], y: ['x'] },
    contextFilter: { c: [true] },
    accountId: 'eph',
  }
  const first = await create(body)
  expect([first.status, Object.keys(first.body)]).toEqual([200, ['id', 'secret']])
  expect(first.body['secret']).toMatch(/^whsec_/)
  const again = await create({ ...body, name: ['a', 'b'], url: url('one') })
  expect([again.status, again.body]).toEqual([200, { id: first.body['id'] }])
  const id = first.body['id'] as string
  const row = await api.database.prisma.eventDispatcher.findFirstOrThrow({ where: { id } })
  expect(row).toMatchObject({ dispatchableType: 'EPHEMERAL', dispatchableId: url('one'), source: 'trigger.dev' })
  expect(row.secretSealed).toMatch(/^v1\.test\./)
  expect((await api.call('GET', `${PATH}/${id}`)).text).not.toMatch(/whsec_|v1\.test/)
  const lifeMs = (row.expiresAt?.getTime() ?? 0) - row.createdAt.getTime()
  expect(Math.abs(lifeMs - 60_000)).toBeLessThan(5_000)
})

test.each<[string, object]>([
  ['names', { name: ['a', 'b'] }],
  ['time', { timeoutInSeconds: 11 }],
  ['source', { source: 'elsewhere' }],
  ['filter', { filter: { a: [2] } }],
  ['no filter', { filter: null }],
  ['context filter', { contextFilter: {} }],
  ['account', { accountId: 'second' }],
])('other options for the same URL are a conflict: %s', async (what, change) => {
  const body = { url: url(encodeURIComponent(what)), name: 'a', filter: { a: [1] } }
  expect((await create(body)).status).toBe(200)
  const other = await create({ ...body, ...change })
  expect([other.status, other.body['code']]).toEqual([409, 'conflict'])
})

test('ten at the same moment are one, and one caller has the secret', async () => {
  const body = { url: url('race'), name: 'a', accountId: 'racing' }
  const answers = await Promise.all(Array.from({ length: 10 }, () => create(body)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
  expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1)
  expect(answers.filter((answer) => 'secret' in answer.body)).toHaveLength(1)
  expect(await api.database.prisma.eventDispatcher.count({ where: { dispatchableId: url('race') } })).toBe(1)
})

test('one that has run out is not there any more, and gives its URL free', async () => {
  const body = { url: url('expired'), name: 'a' }
  const first = await create(body)
  const id = first.body['id'] as string
  await api.database.prisma.eventDispatcher.updateMany({ where: { id }, data: { expiresAt: new Date(0) } })
  expect((await api.call('GET', `${PATH}/${id}`)).status).toBe(404)
  const second = await create({ ...body, timeoutInSeconds: 99 })
  expect(second.status).toBe(200)
  expect(second.body['id']).not.toBe(id)
  expect(second.body).toHaveProperty('secret')
})

test('what it invokes does not change', async () => {
  const wish = { url: 'http://127.0.0.1:4011/', events: ['a'] }
  const endpoint = await api.call('POST', '/api/v1/webhook-endpoints', { body: wish })
  const id = (await create({ url: url('fixed'), name: 'a' })).body['id']
  const body = { dispatchable: { type: 'WEBHOOK', id: endpoint.body['id'] } }
  expect((await api.call('PATCH', `${PATH}/${id}`, { body })).status).toBe(422)
  expect((await api.call('PATCH', `${PATH}/${id}`, { body: { event: 'b' } })).status).toBe(200)
})

test.each<[string, object, string, string]>([
  ['loopback', { url: 'http://127.0.0.1/' }, 'address_refused', '/url'],
  ['loopback on another port', { url: 'http://127.0.0.1:4012/' }, 'address_refused', '/url'],
  ['localhost', { url: 'http://localhost/' }, 'address_refused', '/url'],
  ['metadata', { url: 'http://169.254.169.254/latest' }, 'address_refused', '/url'],
  ['private', { url: 'https://10.0.0.1/' }, 'address_refused', '/url'],
  ['mapped', { url: 'http://[::ffff:10.0.0.1]/' }, 'address_refused', '/url'],
  ['decimal', { url: 'http://2130706433/' }, 'address_refused', '/url'],
  ['port 22', { url: 'https://8.8.8.8:22/' }, 'address_refused', '/url'],
  ['credentials', { url: 'https://u:p@8.8.8.8/' }, 'invalid', '/url'],
  ['another scheme', { url: 'ftp://8.8.8.8/' }, 'invalid', '/url'],
  ['no URL', { url: 'hello' }, 'invalid', '/url'],
  ['a number', { url: 5 }, 'invalid', '/url'],
  ['nine seconds', { timeoutInSeconds: 9 }, 'invalid', '/timeoutInSeconds'],
  ['more than a year', { timeoutInSeconds: 31_536_001 }, 'invalid', '/timeoutInSeconds'],
  ['half a second', { timeoutInSeconds: 10.5 }, 'invalid', '/timeoutInSeconds'],
  ['no name', { name: undefined }, 'invalid', '/name'],
  ['a bad filter', { filter: { a: 1 } }, 'invalid', '/filter/a'],
])('refused: %s', async (_, change, code, pointer) => {
  const answer = await create({ url: url('refused'), name: 'a', ...change })
  expect([answer.status, answer.body['code']]).toEqual([422, code])
  expect(answer.body['errors']).toMatchObject([{ pointer }])
  expect(await api.database.prisma.eventDispatcher.count({ where: { dispatchableId: url('refused') } })).toBe(0)
})

test('a public key may not', async () => {
  expect((await create({ url: url('public'), name: 'a' }, api.a.production.publicKey)).status).toBe(403)
})

test('the same wish in another environment is another dispatcher', async () => {
  const body = { url: url('both'), name: 'a' }
  const [one, other] = [await create(body), await create(body, api.b.production.secretKey)]
  expect([one.status, other.status]).toEqual([200, 200])
  expect(one.body['id']).not.toBe(other.body['id'])
  expect((await api.call('GET', `${PATH}/${other.body['id']}`)).status).toBe(403)
})

test.each([
  ['plain', 'x'.repeat(2_030)],
  ['plain and too long', 'x'.repeat(4_000)],
  ['that grows when it is encoded', 'é'.repeat(1_000)],
  ['incompressible', Array.from({ length: 1_900 }, (_, n) => ((n * 7919) % 36).toString(36)).join('')],
])('a long URL is taken or refused, never an error of ours: %s', async (_name, path) => {
  const { status } = await create({ url: url(path), name: 'long' })
  expect([200, 422]).toContain(status)
})
