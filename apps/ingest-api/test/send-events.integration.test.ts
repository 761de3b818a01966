import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

const send = (event: object, options?: object): Promise<ApiAnswer> =>
  api.call('POST', '/api/v1/events', { body: { event, ...(options && { options }) } })

let lastId = 0
const freshId = (): string => `id-${(lastId += 1)}`

const isoIn = (ms: number): string => new Date(Date.now() + ms).toISOString()

/** Sets what delivering or cancelling would set. */
async function markRow(eventId: string, column: 'delivered_at' | 'cancelled_at' | 'failed_at'): Promise<void> {
  const { pool } = api.database
  await pool.query(
    'delete from event_outbox where event_record_id in (select id from event_records where event_id = $1)',
    [eventId],
  )
  await pool.query(`update event_records set ${column} = now() where event_id = $1`, [eventId])
}

async function readRow(eventId: string): Promise<Record<string, unknown>> {
  const { rows } = await api.database.pool.query('select * from event_records where event_id = $1', [eventId])
  expect(rows).toHaveLength(1)
  return rows[0]
}

async function countRows(): Promise<number> {
  return api.database.prisma.eventRecord.count()
}

describe('sending one event', () => {
  test('answers exactly the public fields, and keeps the event with its outbox row', async () => {
    const before = Date.now()
    const { status, body } = await send({ name: 'user.created', payload: { a: 1 }, context: { b: 2 } })
    expect(status).toBe(200)
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'user.created',
      payload: { a: 1 },
      context: { b: 2 },
      timestamp: expect.any(String),
      deliverAt: expect.any(String),
      deliveredAt: null,
      cancelledAt: null,
    })
    expect(Date.parse(String(body['timestamp']))).toBeGreaterThanOrEqual(before)
    const row = await readRow(String(body['id']))
    expect(row).toMatchObject({ source: 'trigger.dev', payload_type: 'JSON', is_test: false, internal: false })
    expect(row['id']).not.toBe(body['id'])
    expect(await api.database.prisma.eventOutbox.count({ where: { eventRecordId: String(row['id']) } })).toBe(1)
  })

  test('warns of what is ignored where it stands, and takes the event', async () => {
    const event = { name: 'late', id: freshId(), deliverAfter: 60 }
    const { status, headers, body } = await send(event)
    const warning = '/event/deliverAfter is ignored: did you mean /options/deliverAfter?'
    expect([status, body['id'], headers.get('signalbox-warning')]).toEqual([200, event.id, warning])
    expect(Date.parse(String(body['deliverAt']))).toBeLessThan(Date.now() + 1_000)
    const quiet = await send({ name: 'late', id: freshId(), color: 'green' }, { deliverAfter: 60 })
    expect([quiet.status, quiet.headers.has('signalbox-warning')]).toEqual([200, false])
  })

  test.each([
    ['absent', {}, {}],
    ['null', { payload: null, context: null }, {}],
    ['0', { payload: 0, context: 0 }, 0],
    ['false', { payload: false, context: false }, false],
    ['an empty text', { payload: '', context: '' }, ''],
    ['an array', { payload: [1, null], context: [1, null] }, [1, null]],
  ])('keeps a payload and a context that are %s', async (_name, given, kept) => {
    const { status, body } = await send({ name: 'a', ...given })
    expect([status, body['payload'], body['context']]).toEqual([200, kept, kept])
  })

  test.each([
    ['no name', {}, '/event/name'],
    ['an empty name', { name: '' }, '/event/name'],
    ['a name of spaces', { name: '  ' }, '/event/name'],
    ['a long name', { name: 'n'.repeat(256) }, '/event/name'],
    ['a long id', { name: 'a', id: 'i'.repeat(256) }, '/event/id'],
    ['an empty id', { name: 'a', id: '' }, '/event/id'],
    ['a null timestamp', { name: 'a', timestamp: null }, '/event/timestamp'],
    ['a boolean timestamp', { name: 'a', timestamp: true }, '/event/timestamp'],
    ['a bad timestamp', { name: 'a', timestamp: 'soon' }, '/event/timestamp'],
    ['a timestamp in the year 12026', { name: 'a', timestamp: '+012026-01-01T00:00:00Z' }, '/event/timestamp'],
    ['a timestamp before the year 1', { name: 'a', timestamp: -1e14 }, '/event/timestamp'],
    ['another payload type', { name: 'a', payloadType: 'XML' }, '/event/payloadType'],
  ])('refuses %s with a pointer, and stores nothing', async (_name, event, pointer) => {
    const before = await countRows()
    const { status, body, headers } = await send(event)
    expect(status).toBe(422)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(body).toMatchObject({ code: 'invalid', status: 422, errors: [expect.objectContaining({ pointer })] })
    expect(body['error']).toBe(body['detail'])
    expect(await countRows()).toBe(before)
  })

  test.each([
    ['a bad deliverAt', { deliverAt: 'never' }, '/options/deliverAt'],
    ['a fraction of a second', { deliverAfter: 1.5 }, '/options/deliverAfter'],
    ['a delay past the year 9999', { deliverAfter: 9e15 }, '/options/deliverAfter'],
    ['a delay past all dates', { deliverAfter: 300_000_000_000 }, '/options/deliverAfter'],
    ['a long account', { accountId: 'a'.repeat(256) }, '/options/accountId'],
    ['a text as test', { test: 'yes' }, '/options/test'],
    ['a long ordering key', { orderingKey: 'k'.repeat(256) }, '/options/orderingKey'],
  ])('refuses %s with a pointer', async (_name, options, pointer) => {
    const { status, body } = await send({ name: 'a' }, options)
    expect(status).toBe(422)
    expect(body).toMatchObject({ errors: [expect.objectContaining({ pointer })] })
  })

  test('takes dates as JavaScript reads them', async () => {
    for (const timestamp of [
      '2026-01-02T03:04:05Z',
      '2026-01-02',
      'Fri, 02 Jan 2026 03:04:05 GMT',
      1_767_323_045_000,
    ]) {
      const { status, body } = await send({ name: 'a', timestamp })
      expect([status, body['timestamp']]).toEqual([200, new Date(timestamp).toISOString()])
    }
  })

  test('delivers now what is due in the past, and lets deliverAt win over deliverAfter', async () => {
    const deliverAt = isoIn(3_600_000)
    const both = await send({ name: 'a' }, { deliverAt, deliverAfter: 10 })
    expect(both.body['deliverAt']).toBe(deliverAt)
    for (const options of [{ deliverAt: '2001-01-01' }, { deliverAfter: 0 }, { deliverAfter: -5 }]) {
      const before = Date.now()
      const { body } = await send({ name: 'a' }, options)
      expect(Math.abs(Date.parse(String(body['deliverAt'])) - before)).toBeLessThan(5_000)
    }
    const later = await send({ name: 'a' }, { deliverAfter: 60 })
    expect(Date.parse(String(later.body['deliverAt'])) - Date.now()).toBeGreaterThan(50_000)
  })

  test('marks tests: as told, else by the environment and the name', async () => {
    const cases: [key: string, name: string, test: boolean | undefined, expected: boolean][] = [
      [api.a.production.secretKey, 'a', undefined, false],
      [api.a.production.secretKey, 'test.a', undefined, true],
      [api.a.production.secretKey, 'a', true, true],
      [api.a.development.secretKey, 'a', undefined, true],
      [api.a.development.secretKey, 'a', false, false],
    ]
    for (const [key, name, isTest, expected] of cases) {
      const id = freshId()
      await api.call('POST', '/api/v1/events', { key, body: { event: { name, id }, options: { test: isTest } } })
      expect((await readRow(id))['is_test']).toBe(expected)
    }
  })

  test('keeps the ordering key and a valid traceparent, and leaves out a bad one', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const good = freshId()
    const bad = freshId()
    const body = (id: string) => ({ event: { name: 'a', id }, options: { orderingKey: 'k' } })
    await api.call('POST', '/api/v1/events', { body: body(good), headers: { traceparent } })
    await api.call('POST', '/api/v1/events', { body: body(bad), headers: { traceparent: '00-zz' } })
    expect(await readRow(good)).toMatchObject({ ordering_key: 'k', trace_parent: traceparent })
    expect(await readRow(bad)).toMatchObject({ ordering_key: 'k', trace_parent: null })
  })

  test('ignores unknown keys, and stores keys named __proto__ exactly', async () => {
    const raw =
      '{"event":{"name":"a","payload":{"__proto__":{"polluted":1},"constructor":{"x":1}},"more":1},"extra":{"__proto__":{"y":1}},"__proto__":{"z":1}}'
    const { status, text } = await api.call('POST', '/api/v1/events', { raw })
    expect(status).toBe(200)
    expect(text).toContain('"payload":{"__proto__":{"polluted":1},"constructor":{"x":1}}')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    const [{ stored }] = (
      await api.database.pool.query(`select payload::text as stored from event_records where payload ? '__proto__'`)
    ).rows
    expect(JSON.parse(stored)).toEqual(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":1}}'))
  })

  test.each([
    ['a NUL in the payload', '{"event":{"name":"a","payload":{"k":["x","a\\u0000b"]}}}', '/event/payload/k/1'],
    ['a lone surrogate in a key', '{"event":{"name":"a","context":{"\\ud800":1}}}', '/event/context/\ud800'],
    ['a NUL in the name', '{"event":{"name":"a\\u0000"}}', '/event/name'],
    ['a number beyond a double', '{"event":{"name":"a","payload":{"n":1e400}}}', '/event/payload/n'],
  ])('refuses %s with a pointer', async (_name, raw, pointer) => {
    const before = await countRows()
    const { status, body } = await api.call('POST', '/api/v1/events', { raw })
    expect(status).toBe(422)
    expect((body['errors'] as { pointer: string }[])[0]?.pointer).toBe(pointer)
    expect(await countRows()).toBe(before)
  })

  test('stores escapes that only look unstorable', async () => {
    const raw = '{"event":{"name":"a","payload":{"backslash":"\\\\u0000","pair":"\\ud83d\\ude00"}}}'
    const { status, body } = await api.call('POST', '/api/v1/events', { raw })
    expect([status, body['payload']]).toEqual([200, { backslash: '\\u0000', pair: '😀' }])
  })

  test('enforces the limits of size and depth before anything is stored', async () => {
    const before = await countRows()
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
    const event = (payload: string): string => `{"event":{"name":"a","payload":${payload}}}`
    const raw = (content: string) => api.call('POST', '/api/v1/events', { raw: content })
    expect((await raw(event(nested(65)))).body).toMatchObject({ status: 422, errors: [{ pointer: '/event/payload' }] })
    expect((await raw(event(nested(100_000)))).status).toBe(422)
    expect((await raw(event(`"${'x'.repeat(512 * 1024)}"`))).body).toMatchObject({
      status: 413,
      code: 'event_too_large',
    })
    expect((await raw(event(`"${'x'.repeat(5 * 1024 * 1024)}"`))).body).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
    expect(await countRows()).toBe(before)
    expect((await raw(event(nested(64)))).status).toBe(200)
    expect((await raw(event(`"${'x'.repeat(511 * 1024)}"`))).status).toBe(200)
  })
})

describe('an id that is sent again', () => {
  test('changes nothing when delivered', async () => {
    const id = freshId()
    await send({ name: 'a', id, payload: 1 })
    await markRow(id, 'delivered_at')
    const { status, body } = await send({ name: 'b', id, payload: 2 })
    expect([status, body['payload'], body['name']]).toEqual([200, 1, 'a'])
    expect(body['deliveredAt']).not.toBeNull()
  })

  test('changes nothing when cancelled: it stays so', async () => {
    const id = freshId()
    await send({ name: 'a', id, payload: 1 }, { deliverAfter: 600 })
    await api.call('POST', `/api/v1/events/${id}/cancel`)
    const { status, body } = await send({ name: 'a', id, payload: 2 })
    expect([status, body['payload']]).toEqual([200, 1])
    expect(body['cancelledAt']).not.toBeNull()
  })

  test('replaces what is given when pending and 5 s or more away; the rest stays', async () => {
    const id = freshId()
    const first = await send({ name: 'a', id, payload: 1, context: { c: 1 }, source: 's' }, { deliverAfter: 600 })
    const deliverAt = isoIn(1_200_000)
    const { status, body } = await send({ name: 'b', id, payload: 2, source: 't', timestamp: 0 }, { deliverAt })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      name: 'a',
      payload: 2,
      context: { c: 1 },
      deliverAt,
      timestamp: first.body['timestamp'],
    })
    expect(await readRow(id)).toMatchObject({ source: 's', payload_type: 'JSON' })
    await send({ name: 'a', id, payloadType: 'REQUEST', context: 5 }, { deliverAt })
    expect(await readRow(id)).toMatchObject({ payload: 2, payload_type: 'REQUEST', context: 5 })
  })

  test('changes nothing when pending and due', async () => {
    for (const options of [{}, { deliverAfter: 3 }]) {
      const id = freshId()
      await send({ name: 'a', id, payload: 1 }, options)
      const { status, body } = await send({ name: 'a', id, payload: 2 }, { deliverAfter: 600 })
      expect([status, body['payload']]).toEqual([200, 1])
    }
  })

  test('at the same moment is one event, and every sender gets 200', async () => {
    const id = freshId()
    const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => send({ name: 'a', id, payload: index })))
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]))
    expect(new Set(answers.map((answer) => answer.body['payload'])).size).toBe(1)
    await readRow(id)
  })

  test('is another event in another environment', async () => {
    const id = freshId()
    for (const key of [api.a.production, api.a.development, api.b.production]) {
      const { status } = await api.call('POST', '/api/v1/events', {
        key: key.secretKey,
        body: { event: { name: 'a', id } },
      })
      expect(status).toBe(200)
    }
    expect(await api.database.prisma.eventRecord.count({ where: { eventId: id } })).toBe(3)
  })
})

describe('external accounts', () => {
  const setUnknown = (value: string) =>
    api.database.pool.query('update runtime_environments set unknown_accounts = $1 where id = $2', [
      value,
      api.b.production.id,
    ])
  const sendFor = async (id: string, accountId: string) => {
    // The setting is believed for 3 seconds: a fresh API reads it at once.
    const fresh = await startFreshApi()
    try {
      return await fresh('POST', '/api/v1/events', { event: { name: 'a', id }, options: { accountId } })
    } finally {
      await fresh.stop()
    }
  }

  test('unknown ones are ignored, created or rejected, as the environment says', async () => {
    const [ignored, created, rejected] = [freshId(), freshId(), freshId()]
    expect((await sendFor(ignored, 'nobody')).status).toBe(200)
    expect(await readRow(ignored)).toMatchObject({
      external_account_id: null,
      source_context: { unknownAccountId: 'nobody' },
    })
    await setUnknown('create')
    expect((await sendFor(created, 'somebody')).status).toBe(200)
    expect((await readRow(created))['external_account_id']).not.toBeNull()
    await setUnknown('reject')
    const refusal = await sendFor(rejected, 'stranger')
    expect(refusal).toMatchObject({
      status: 422,
      body: { code: 'unknown_account', errors: [{ pointer: '/options/accountId' }] },
    })
    expect(await api.database.prisma.eventRecord.count({ where: { eventId: rejected } })).toBe(0)
    expect((await sendFor(rejected, 'somebody')).status).toBe(200)
  })
})

/** Another process's view: the same database, nothing cached. */
async function startFreshApi() {
  const { startIngestApi } = await import('../src/compose.js')
  const fresh = await startIngestApi(api.config)
  const call = async (method: string, path: string, body: object) => {
    const response = await fetch(fresh.url + path, {
      method,
      headers: { authorization: api.b.production.secretKey, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return Object.assign(call, { stop: fresh.stop })
}
