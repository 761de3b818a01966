import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { routes } from '../src/routes/index.js'
import { startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: '127.0.0.1:4012' })
}, 60_000)
afterAll(() => api.stop())

const EVENTS = '/api/v1/events'

describe('input that means something else than it says', () => {
  const lists = routes.filter(({ method, query }) => method === 'GET' && query !== undefined)
  test.each(lists.map(({ path }) => path))('a parameter that a list does not know is refused: %s', async (path) => {
    expect(lists.length).toBeGreaterThanOrEqual(6)
    const answer = await api.call('GET', `${path.replace(':id', 'an-id')}?limit=1&foo=1`)
    const message = expect.stringContaining('Unknown: there is limit, ')
    expect([answer.status, answer.body['errors']]).toEqual([422, [{ pointer: '/foo', code: 'unknown_key', message }]])
  })

  test('a filter with the key __proto__ is refused, not stored without it', async () => {
    const raw = '{"url":"http://127.0.0.1:4012/","events":["a"],"filter":{"b":{"__proto__":["wanted"]}}}'
    const endpoint = await api.call('POST', '/api/v1/webhook-endpoints', { raw })
    expect([endpoint.status, endpoint.body['errors']]).toEqual([
      422,
      [expect.objectContaining({ pointer: '/filter', code: 'key_refused' })],
    ])
    await expect(api.database.prisma.webhookEndpoint.count()).resolves.toBe(0)
  })

  test.each(['POST /api/v1/accounts', 'PUT /api/v1/accounts/put', 'PATCH /api/v1/accounts/put'])(
    'metadata with the key __proto__ is refused: %s',
    async (call) => {
      const [method = '', path = ''] = call.split(' ')
      const identifier = method === 'POST' ? '"identifier":"p",' : ''
      const answer = await api.call(method, path, { raw: `{${identifier}"metadata":{"x":{"__proto__":{"a":[1]}}}}` })
      expect([answer.status, answer.body['errors']]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/metadata', code: 'key_refused' })],
      ])
    },
  )

  test('a payload with the key __proto__ is stored as it is', async () => {
    const raw = '{"event":{"id":"proto","name":"a","payload":{"__proto__":{"x":1}}}}'
    const answer = await api.call('POST', EVENTS, { raw })
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"payload":{"__proto__":{"x":1}}')])
  })

  test('a header behind a hundred others counts', async () => {
    const send = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const filler = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`x-filler-${n}`, '1']))
        const headers = {
          ...filler,
          authorization: `Bearer ${api.a.production.secretKey}`,
          'content-type': 'application/json',
          'idempotency-key': 'behind',
        }
        const sent = request(`${api.url}${EVENTS}`, { method: 'POST', headers }, (response) => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString()))
          response.on('end', () => resolve(text))
        })
        sent.on('error', reject)
        sent.end(JSON.stringify({ event: { name: 'once' } }))
      })
    const first = await send()
    expect(JSON.parse(first)).toMatchObject({ name: 'once' })
    expect(await send()).toBe(first)
  })

  test.each(['?KEY', '?a=%74%72_prod_0123456789abcdefghij', '?a=Bearer++KEY', '?a=1;KEY', '/KEY'])(
    'a key in a URL is refused however it is written: %s',
    async (part) => {
      const key = 'tr_prod_0123456789abcdefghij'
      const answer = await api.call('GET', `${EVENTS}${part.replace('KEY', key)}`)
      expect([answer.status, answer.body['code']]).toEqual([401, 'key_in_url'])
    },
  )
})

describe('input that would cost others', () => {
  test('an id may stand in a bulk request some times, not a thousand', async () => {
    const events = Array.from({ length: 30 }, () => ({ id: 'again', name: 'a' }))
    const all = await api.call('POST', `${EVENTS}/bulk`, { body: { events } })
    expect([all.status, all.body['errors']]).toEqual([
      422,
      expect.arrayContaining([expect.objectContaining({ pointer: '/events/20/id', code: 'too_many' })]),
    ])
    expect((await api.call('POST', `${EVENTS}/bulk`, { body: { events: events.slice(0, 20) } })).status).toBe(200)
  })
})

test('an account that is deleted while events name it is never an error of ours', async () => {
  await api.database.prisma.runtimeEnvironment.updateMany({ data: { unknownAccounts: 'create' } })
  const statuses: number[] = []
  const send = async (): Promise<void> => {
    for (let n = 0; n < 40; n++) {
      const body = { event: { name: 'a' }, options: { accountId: 'fleeting' } }
      statuses.push((await api.call('POST', EVENTS, { body })).status)
    }
  }
  const remove = async (): Promise<void> => {
    for (let n = 0; n < 60; n++) await api.call('DELETE', '/api/v1/accounts/fleeting')
  }
  await Promise.all([send(), send(), send(), remove(), remove()])
  // 503 is for who lost the race again and again: nothing was stored, and trying again is right.
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([])
  expect(statuses).toContain(200)
}, 60_000)
