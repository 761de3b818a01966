import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

const BULK = '/api/v1/events/bulk'

const bulk = (events: unknown, options?: object, query = ''): Promise<ApiAnswer> =>
  api.call('POST', `${BULK}${query}`, { body: { events, ...(options && { options }) } })

const countRows = (): Promise<number> => api.database.prisma.eventRecord.count()

describe('sending many events', () => {
  test('answers all of them in order', async () => {
    const events = Array.from({ length: 200 }, (_, index) => ({ name: `n${index}`, payload: index }))
    const { status, body } = await bulk(events)
    expect(status).toBe(200)
    expect((body as unknown as { name: string }[]).map((event) => event.name)).toEqual(
      events.map((event) => event.name),
    )
    expect(Object.keys(body[0] ?? {})).toHaveLength(8)
  })

  test('gives options to each of them', async () => {
    const deliverAt = new Date(Date.now() + 600_000).toISOString()
    const { body } = await bulk([{ name: 'a' }, { name: 'b' }], { deliverAt, deliverAfter: 1 })
    expect([body[0]?.['deliverAt'], body[1]?.['deliverAt']]).toEqual([deliverAt, deliverAt])
  })

  test('of none is nothing', async () => {
    expect(await bulk([])).toMatchObject({ status: 200, body: [] })
    expect(await bulk([], undefined, '?partial=true')).toMatchObject({ status: 207, body: [] })
  })

  test('stores none when one is bad, and points to each', async () => {
    const before = await countRows()
    const { status, body } = await bulk([{ name: 'good' }, { name: '' }, 5, { name: 'a', timestamp: null }])
    expect(status).toBe(422)
    const pointers = (body['errors'] as { pointer: string }[]).map((error) => error.pointer)
    expect(pointers).toEqual(['/events/1/name', '/events/2', '/events/3/timestamp'])
    expect(await countRows()).toBe(before)
  })

  test('takes ids that come twice as if one came after the other', async () => {
    const deliverAfter = 600
    const { status, body } = await bulk(
      [
        { name: 'a', id: 'twice', payload: 1 },
        { name: 'x', id: 'once' },
        { name: 'b', id: 'twice', payload: 2 },
      ],
      { deliverAfter },
    )
    expect(status).toBe(200)
    expect([body[0]?.['payload'], body[2]?.['payload'], body[2]?.['name']]).toEqual([1, 2, 'a'])
    expect(await api.database.prisma.eventRecord.count({ where: { eventId: { in: ['twice', 'once'] } } })).toBe(2)
  })

  test('at the same moment with the same ids, in any order, neither fails nor doubles', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `cross-${index}`)
    const calls = Array.from({ length: 10 }, (_, index) => {
      const order = index % 2 === 0 ? ids : ids.toReversed()
      return bulk(order.map((id) => ({ name: 'a', id })))
    })
    expect((await Promise.all(calls)).map((answer) => answer.status)).toEqual(calls.map(() => 200))
    expect(await api.database.prisma.eventRecord.count({ where: { eventId: { startsWith: 'cross-' } } })).toBe(50)
  })

  test('refuses more than the limit, and an event that is too large, before storing', async () => {
    const before = await countRows()
    expect(await bulk(Array.from({ length: 1_001 }, () => ({ name: 'a' })))).toMatchObject({
      status: 422,
      body: { code: 'limit_exceeded', errors: [{ pointer: '/events' }] },
    })
    const large = { name: 'a', payload: 'x'.repeat(512 * 1024) }
    expect(await bulk([{ name: 'a' }, large])).toMatchObject({
      status: 413,
      body: { code: 'event_too_large', errors: [{ pointer: '/events/1' }] },
    })
    expect(await countRows()).toBe(before)
    expect((await bulk(Array.from({ length: 1_000 }, () => ({ name: 'a' })))).status).toBe(200)
  })

  test.each([[{}], [{ events: {} }], [{ events: 'a' }], [[]], [null], [5]])('refuses the body %j', async (body) => {
    expect((await api.call('POST', BULK, { body })).status).toBe(422)
  })
})

test('a bulk warns of what is ignored where it stands, also when it is repeated', async () => {
  const body = { events: [{ name: 'a' }, { name: 'b', accountId: 'c' }, { name: '' }] }
  const warning = '/events/1/accountId is ignored: did you mean /options/accountId?'
  for (const path of [`${BULK}?partial=true`, `${BULK}?partial=true`]) {
    const { status, headers } = await api.call('POST', path, { body, headers: { 'idempotency-key': 'warned' } })
    expect([status, headers.get('signalbox-warning')]).toEqual([207, warning])
  }
  const refused = await api.call('POST', BULK, { body })
  expect([refused.status, refused.headers.has('signalbox-warning')]).toEqual([422, false])
})

describe('a partial bulk', () => {
  test('stores what is valid and tells of each', async () => {
    const events = [
      { name: 'one', id: 'p1' },
      { name: '' },
      { name: 'deep', payload: nest(65) },
      { name: 'two', id: 'p2' },
    ]
    const { status, body } = await bulk(events, undefined, '?partial=true')
    expect(status).toBe(207)
    expect(body).toEqual([
      { status: 200, event: expect.objectContaining({ id: 'p1', name: 'one' }) },
      {
        status: 422,
        error: {
          code: 'invalid',
          detail: expect.stringContaining('/events/1/name'),
          errors: [expect.objectContaining({ pointer: '/events/1/name' })],
        },
      },
      { status: 422, error: expect.objectContaining({ errors: [expect.objectContaining({ code: 'too_deep' })] }) },
      { status: 200, event: expect.objectContaining({ id: 'p2', name: 'two' }) },
    ])
    expect(await api.database.prisma.eventRecord.count({ where: { eventId: { in: ['p1', 'p2'] } } })).toBe(2)
  })

  test('with an account that is refused stores nothing', async () => {
    const { pool } = api.database
    await pool.query(`update runtime_environments set unknown_accounts = 'reject' where id = $1`, [
      api.b.development.id,
    ])
    const body = { events: [{ name: 'a' }, { name: '' }], options: { accountId: 'nobody' } }
    const key = api.b.development.secretKey
    const answer = await api.call('POST', `${BULK}?partial=true`, { body, key })
    expect(answer.status).toBe(207)
    expect([answer.body[0]?.['error'], answer.body[1]?.['error']]).toEqual([
      expect.objectContaining({ code: 'unknown_account' }),
      expect.objectContaining({ code: 'invalid' }),
    ])
    expect((await api.call('POST', BULK, { body: { ...body, events: [{ name: 'a' }] }, key })).status).toBe(422)
    expect(await api.database.prisma.eventRecord.count({ where: { environmentId: api.b.development.id } })).toBe(0)
  })
})

describe('an idempotency key', () => {
  const sendWith = (key: string, path: string, body: object): Promise<ApiAnswer> =>
    api.call('POST', path, { body, headers: { 'idempotency-key': key } })

  test.each([
    ['one event', '/api/v1/events', { event: { name: 'a' } }],
    ['many events', BULK, { events: [{ name: 'a' }, { name: 'b' }] }],
    ['a partial bulk', `${BULK}?partial=true`, { events: [{ name: 'a' }, { name: '' }] }],
  ])('gives the same answer again for %s, and stores nothing new', async (name, path, body) => {
    const first = await sendWith(`same ${name}`.replaceAll(' ', '-'), path, body)
    const rows = await countRows()
    const again = await Promise.all(
      Array.from({ length: 5 }, () => sendWith(`same ${name}`.replaceAll(' ', '-'), path, body)),
    )
    for (const answer of again) {
      expect([answer.status, answer.text]).toEqual([first.status, first.text])
      expect(answer.headers.get('idempotency-replayed')).toBe('true')
    }
    expect(await countRows()).toBe(rows)
  })

  test('at the same moment is one request', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => sendWith('moment', '/api/v1/events', { event: { name: 'a' } })),
    )
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
  })

  test('with another body or path is refused', async () => {
    await sendWith('other', '/api/v1/events', { event: { name: 'a' } })
    const another = await sendWith('other', '/api/v1/events', { event: { name: 'b' } })
    expect(another).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } })
    expect((await sendWith('other', BULK, { events: [{ name: 'a' }] })).status).toBe(409)
  })

  test('belongs to its environment', async () => {
    await sendWith('mine', '/api/v1/events', { event: { name: 'a' } })
    const options = { body: { event: { name: 'b' } }, headers: { 'idempotency-key': 'mine' } }
    const other = await api.call('POST', '/api/v1/events', { ...options, key: api.b.production.secretKey })
    expect(other.status).toBe(200)
  })

  test.each([['k'.repeat(256)], ['with space'], ['ümlaut']])('that is not valid is refused: %s', async (key) => {
    expect(await sendWith(key, '/api/v1/events', { event: { name: 'a' } })).toMatchObject({
      status: 400,
      body: { code: 'invalid_header' },
    })
  })
})

describe('a rate of events', () => {
  test('is kept, told in headers, and refuses before storing', async () => {
    const { id, secretKey } = api.a.development
    const limits = JSON.stringify({ eventsPerSecondMax: 5 })
    await api.database.pool.query('update runtime_environments set limits = $1 where id = $2', [limits, id])
    const send = (count: number): Promise<ApiAnswer> =>
      api.call('POST', BULK, { key: secretKey, body: { events: Array.from({ length: count }, () => ({ name: 'a' })) } })
    const first = await send(4)
    expect(first.status).toBe(200)
    expect(first.headers.get('x-ratelimit-limit')).toBe('5')
    expect(first.headers.get('x-ratelimit-remaining')).toBe('1')
    expect(Number(first.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() - 1_000)
    const second = await send(5)
    expect(second).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(await api.database.prisma.eventRecord.count({ where: { environmentId: id } })).toBe(4)
  })
})

function nest(depth: number): unknown {
  let value: unknown = []
  for (let level = 1; level < depth; level += 1) value = [value]
  return value
}
