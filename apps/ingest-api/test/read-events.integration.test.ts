import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { deliverAsWorker } from './deliver-as-worker.js'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

type Item = Record<string, unknown>

const send = async (event: object, options: object = {}, key = api.a.production.secretKey): Promise<string> => {
  const answer = await api.call('POST', '/api/v1/events', { body: { event: { name: 'a', ...event }, options }, key })
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return String(answer.body['id'])
}

const list = async (query: string): Promise<Item[]> => {
  const { status, body } = await api.call('GET', `/api/v1/events?${query}`)
  expect(status).toBe(200)
  return body['data'] as Item[]
}

const idsOf = (items: Item[]): unknown[] => items.map((item) => item['id'])

const deliver = (...eventIds: string[]): Promise<void> => deliverAsWorker(api, eventIds)

async function makeEndpoint(change: object = {}, key = api.a.production.secretKey): Promise<string> {
  const body = { url: 'https://8.8.8.8/hook', events: ['replayed'], ...change }
  const answer = await api.call('POST', '/api/v1/webhook-endpoints', { body, key })
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  const { rows } = await api.database.pool.query('select id from event_dispatchers where dispatchable_id = $1', [
    answer.body['id'],
  ])
  return rows[0].id as string
}

describe('reading one event', () => {
  test('works with a secret and with a public key, and tells its name and runs', async () => {
    const id = await send({ id: 'with / and ü', name: 'read.me' })
    for (const key of [api.a.production.secretKey, api.a.production.publicKey]) {
      const { status, body } = await api.call('GET', `/api/v1/events/${encodeURIComponent(id)}`, { key })
      expect(status).toBe(200)
      const [createdAt, updatedAt] = [expect.any(String), expect.any(String)]
      expect(body).toEqual({ id, name: 'read.me', createdAt, updatedAt, runs: [], fanoutLimited: 0 })
    }
  })

  test('that is nowhere is 404, and that is elsewhere 403', async () => {
    expect((await api.call('GET', '/api/v1/events/nowhere')).body).toMatchObject({ status: 404, code: 'not_found' })
    const foreign = await send({}, {}, api.b.production.secretKey)
    expect((await api.call('GET', `/api/v1/events/${foreign}`)).body).toMatchObject({ status: 403, code: 'forbidden' })
    const sister = await send({}, {}, api.a.development.secretKey)
    expect((await api.call('GET', `/api/v1/events/${sister}`)).status).toBe(403)
  })
})

describe('listing events', () => {
  test('goes newest first, page by page, and shows each once', async () => {
    const sent: string[] = []
    for (let index = 0; index < 12; index += 1) sent.push(await send({ name: 'paged' }))
    const seen: unknown[] = []
    let cursor = ''
    for (let page = 0; page < 4; page += 1) {
      const { body } = await api.call('GET', `/api/v1/events?name=paged&limit=5${cursor}`)
      seen.push(...idsOf(body['data'] as Item[]))
      if (body['nextCursor'] === null) break
      cursor = `&cursor=${String(body['nextCursor'])}`
    }
    expect(seen).toEqual(sent.toReversed())
  })

  test('answers every field, and none of ours', async () => {
    const id = await send({ name: 'fields', payload: { a: 1 } }, { orderingKey: 'k' })
    const [item] = await list('name=fields')
    expect(Object.keys(item ?? {}).sort()).toEqual(
      [
        ['accountId', 'cancelledAt', 'context', 'createdAt', 'deliverAt', 'deliveredAt', 'failureReason'],
        [
          'fanoutLimited',
          'id',
          'matchedCount',
          'name',
          'orderingKey',
          'payload',
          'payloadType',
          'source',
          'state',
          'test',
        ],
        ['timestamp'],
        ['unknownAccountId', 'updatedAt'],
      ].flat(),
    )
    expect(item).toMatchObject({ id, state: 'pending', orderingKey: 'k', test: false, matchedCount: null })
  })

  test('filters by name, prefix, source, test and account', async () => {
    const invoice = await send({ name: 'list.invoice', source: 'shop' })
    const order = await send({ name: 'list.order' }, { test: true })
    const star = await send({ name: 'list_order' })
    await api.call('POST', '/api/v1/accounts', { body: { identifier: 'acc-1' } })
    const accounted = await send({ name: 'list.account' }, { accountId: 'acc-1' })
    expect(idsOf(await list('name=list.invoice'))).toEqual([invoice])
    expect(idsOf(await list('name=list.*'))).toEqual([accounted, order, invoice])
    expect(idsOf(await list('name=list_*'))).toEqual([star])
    expect(idsOf(await list('source=shop'))).toEqual([invoice])
    expect(idsOf(await list('name=list*&test=true'))).toEqual([order])
    expect(idsOf(await list('name=list*&test=false'))).toEqual([accounted, star, invoice])
    expect(idsOf(await list('accountId=acc-1'))).toEqual([accounted])
    expect(idsOf(await list('accountId=acc-2'))).toEqual([])
    expect(await list('accountId=acc-1&name=other')).toEqual([])
  })

  test('filters by what the payload contains', async () => {
    const id = await send({ name: 'contains', payload: { a: { b: [1, { c: 'x' }] }, d: null } })
    const contains = (payload: unknown) => list(`name=contains&payload=${encodeURIComponent(JSON.stringify(payload))}`)
    for (const payload of [{}, { d: null }, { a: { b: [1] } }, { a: { b: [{ c: 'x' }] } }]) {
      expect(idsOf(await contains(payload))).toEqual([id])
    }
    for (const payload of [{ d: 1 }, { a: { b: [2] } }, [], 'x']) expect(await contains(payload)).toEqual([])
  })

  test('filters by time and by state', async () => {
    const from = new Date().toISOString()
    const pending = await send({ name: 'states' })
    const scheduled = await send({ name: 'states' }, { deliverAfter: 600 })
    const cancelled = await send({ name: 'states' }, { deliverAfter: 600 })
    const delivered = await send({ name: 'states' })
    const failed = await send({ name: 'states', payloadType: 'REQUEST', payload: 5 })
    await makeEndpoint({ events: ['states'], filter: { a: [1] } })
    await api.call('POST', `/api/v1/events/${cancelled}/cancel`)
    await deliver(delivered, failed)
    const wanted: Record<string, unknown[]> = {
      pending: [pending],
      scheduled: [scheduled],
      cancelled: [cancelled],
      delivered: [delivered],
      failed: [failed],
    }
    for (const [state, ids] of Object.entries(wanted)) {
      const items = await list(`name=states&state=${state}&from=${from}`)
      expect([state, idsOf(items)]).toEqual([state, ids])
      expect(items[0]).toMatchObject({ state })
    }
    expect((await list(`name=states&state=failed`))[0]).toMatchObject({ failureReason: expect.any(String) })
    expect(await list(`name=states&to=${from}`)).toEqual([])
    expect(await list(`name=states&from=9999-01-01`)).toEqual([])
    expect(await list(`name=states&to=0001-01-01`)).toEqual([])
  })

  test.each([
    ['limit=0', '/limit'],
    ['limit=101', '/limit'],
    ['limit=x', '/limit'],
    ['cursor=abc', '/cursor'],
    [`cursor=c1.${Buffer.from("' or 1=1").toString('base64url')}`, '/cursor'],
    ['state=lost', '/state'],
    ['from=yesterday', '/from'],
    ['test=maybe', '/test'],
    ['payload={', '/payload'],
    ['payload="%5Cu0000"', '/payload'],
    ['name=a&name=b', '/name'],
  ])('refuses the query %s', async (query, pointer) => {
    const { status, body } = await api.call('GET', `/api/v1/events?${query}`)
    expect([status, (body['errors'] as Item[])[0]?.['pointer']]).toEqual([422, pointer])
  })

  test('does not show what others have', async () => {
    const foreign = await send({ name: 'foreign' }, {}, api.b.production.secretKey)
    expect(await list('name=foreign')).toEqual([])
    expect(await list(`id=${foreign}`)).toEqual([])
  })

  test('the one with an id', async () => {
    const id = await send({ id: 'in_1:*', name: 'one.of.many', payload: { a: 1 } })
    await send({ id: 'in_1:2', name: 'one.of.many' })
    expect(await list(`id=${encodeURIComponent(id)}`)).toMatchObject([{ id, payload: { a: 1 } }])
    expect(await list(`id=${encodeURIComponent(id)}&name=other`)).toEqual([])
  })
})

describe('cancelling', () => {
  const cancel = (id: string): Promise<ApiAnswer> => api.call('POST', `/api/v1/events/${id}/cancel`)

  test('an event that waits, once or again, answers it cancelled; it is never delivered', async () => {
    const id = await send({ name: 'replayed' })
    const { status, body } = await cancel(id)
    expect([status, body['id'], body['cancelledAt']]).toEqual([200, id, expect.any(String)])
    expect(await cancel(id)).toMatchObject({ status: 200, body: { cancelledAt: body['cancelledAt'] } })
    await deliver(id)
    expect((await list('state=cancelled')).find((item) => item['id'] === id)).toMatchObject({ deliveredAt: null })
  })

  test('a delivered event is refused', async () => {
    const id = await send({})
    await deliver(id)
    expect((await cancel(id)).body).toMatchObject({ status: 409, code: 'already_delivered' })
  })

  test('in the moment of delivery, exactly one of both wins', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, () => send({ name: 'race' })))
    const [answers] = await Promise.all([Promise.all(ids.map(cancel)), ...ids.map((id) => deliver(id))])
    const items = new Map((await list('name=race&limit=100')).map((item) => [item['id'], item]))
    for (const [index, id] of ids.entries()) {
      const item = items.get(id)
      const isCancelled = answers[index]?.status === 200
      expect([isCancelled, item?.['cancelledAt'] !== null, item?.['deliveredAt'] !== null]).toEqual([
        isCancelled,
        isCancelled,
        !isCancelled,
      ])
    }
  })
})

describe('replaying', () => {
  const replay = (id: string, body?: object): Promise<ApiAnswer> =>
    api.call('POST', `/api/v1/events/${id}/replay`, body === undefined ? {} : { body })
  const deliveriesOf = async (id: string, query = ''): Promise<Item> =>
    (await api.call('GET', `/api/v1/events/${id}/deliveries${query}`)).body

  test('starts ended deliveries over, and adds those that match only now', async () => {
    const first = await makeEndpoint({ events: ['again'] })
    const id = await send({ name: 'again', payload: { a: 1 } })
    await deliver(id)
    const { pool } = api.database
    await pool.query(
      `update deliveries set state = 'dead', attempt_count = 8, reason = 'attempts_exhausted', settled_at = now()
       where dispatcher_id = $1`,
      [first],
    )
    await pool.query('delete from delivery_outbox where dispatcher_id = $1', [first])
    await pool.query(
      `insert into delivery_attempts (organization_id, delivery_id, number, started_at, duration_ms, outcome)
       select organization_id, id, n, now(), 5, 'retry' from deliveries, generate_series(1, 2) n where dispatcher_id = $1`,
      [first],
    )
    const second = await makeEndpoint({ events: ['aga*'] })
    await makeEndpoint({ events: ['again'], filter: { a: [2] } })
    const { status, body } = await replay(id)
    expect([status, body['id']]).toEqual([200, id])
    const deliveries = body['deliveries'] as Item[]
    expect(new Set(deliveries.map((one) => one['dispatcherId']))).toEqual(new Set([first, second]))
    expect(deliveries.every((one) => one['replayed'])).toBe(true)
    const shown = ((await deliveriesOf(id))['data'] as Item[]).find((one) => one['dispatcherId'] === first)
    expect(shown).toMatchObject({ state: 'pending', attemptCount: 8, reason: null, settledAt: null })
    expect(((shown?.['attempts'] ?? []) as Item[]).map((attempt) => attempt['number'])).toEqual([1, 2])
    const { rows } = await pool.query(
      `select d.attempt_offset, o.wake_at <= now() as is_due from deliveries d
       join delivery_outbox o on o.delivery_id = d.id where d.dispatcher_id = $1`,
      [first],
    )
    expect(rows).toEqual([{ attempt_offset: 8, is_due: true }])
    expect(((await replay(id)).body['deliveries'] as Item[]).every((one) => !one['replayed'])).toBe(true)
  })

  test('to one dispatcher works also for a manual one', async () => {
    const id = await send({ name: 'one' })
    await deliver(id)
    const dispatcherId = await makeEndpoint({ events: ['elsewhere'] })
    await api.database.pool.query('update event_dispatchers set manual = true where id = $1', [dispatcherId])
    const { status, body } = await replay(id, { dispatcherId })
    expect([status, body['deliveries']]).toEqual([200, [{ id: expect.any(String), dispatcherId, replayed: true }]])
  })

  test('to the dispatcher of one endpoint leaves all others alone', async () => {
    await makeEndpoint({ events: ['several'] })
    const body = { url: 'https://8.8.8.8/hook', events: ['several'] }
    const endpoint = (await api.call('POST', '/api/v1/webhook-endpoints', { body })).body
    const id = await send({ name: 'several' })
    await deliver(id)
    const answer = await replay(id, { endpointId: endpoint['id'] })
    expect(answer.body['deliveries']).toMatchObject([{ dispatcherId: endpoint['dispatcherId'] }])
    expect((await replay(id, { endpointId: '01a1fa1c-b79f-7000-8b50-077afe18b739' })).status).toBe(404)
    const both = await replay(id, { endpointId: endpoint['id'], dispatcherId: endpoint['dispatcherId'] })
    expect(both.body['errors']).toMatchObject([{ pointer: '/dispatcherId', code: 'ambiguous' }])
  })

  test('refuses every key that it does not know: ignored, it would mean all dispatchers', async () => {
    const id = await send({ name: 'several' })
    await deliver(id)
    const message = 'Unknown: there is dispatcherId, endpointId'
    for (const [key, said] of [
      ['webhookEndpointId', 'Unknown: did you mean endpointId?'],
      ['to', message],
      ['__proto__', message],
    ] as const) {
      const raw = JSON.stringify({ [key]: '01a1fa1c-b79f-7000-8b50-077afe18b739' })
      const { status, body } = await api.call('POST', `/api/v1/events/${id}/replay`, { raw })
      expect([status, body['errors']]).toEqual([422, [{ pointer: `/${key}`, code: 'unknown_key', message: said }]])
    }
  })

  test('is refused for what can not be replayed', async () => {
    const waiting = await send({})
    expect((await replay(waiting)).body).toMatchObject({ status: 409, code: 'conflict' })
    await api.call('POST', `/api/v1/events/${waiting}/cancel`)
    expect((await replay(waiting)).status).toBe(409)
    const id = await send({})
    await deliver(id)
    expect((await replay(id, { dispatcherId: 'x' })).status).toBe(422)
    expect((await replay(id, { dispatcherId: '01a1fa1c-b79f-7000-8b50-077afe18b739' })).status).toBe(404)
    const foreign = await makeEndpoint({}, api.b.production.secretKey)
    expect((await replay(id, { dispatcherId: foreign })).status).toBe(403)
    const disabled = await makeEndpoint()
    await api.call('POST', `/api/v1/event-dispatchers/${disabled}/disable`)
    expect((await replay(id, { dispatcherId: disabled })).status).toBe(409)
  })

  test('explains why a dispatcher takes the event or does not', async () => {
    const id = await send({ name: 'explained', payload: { amount: 5 } })
    const taking = await makeEndpoint({ events: ['explained'] })
    const filtered = await makeEndpoint({ events: ['explained'], filter: { amount: [{ $gt: 10 }] } })
    const other = await makeEndpoint({ events: ['other'] })
    const disabled = await makeEndpoint({ events: ['explained'] })
    await api.call('POST', `/api/v1/event-dispatchers/${disabled}/disable`)
    expect(await deliveriesOf(id)).not.toHaveProperty('candidates')
    const { candidates } = await deliveriesOf(id, '?explain=true')
    const byId = new Map((candidates as Item[]).map((one) => [one['dispatcherId'], one]))
    expect(byId.get(taking)).toMatchObject({ dispatcherId: taking, matches: true })
    expect(byId.get(filtered)).toMatchObject({
      matches: false,
      condition: 'payloadFilter',
      pointer: expect.stringContaining('/amount'),
      actual: 5,
    })
    expect(byId.get(other)).toMatchObject({ matches: false, condition: 'name' })
    expect(byId.get(disabled)).toMatchObject({ matches: false, condition: 'disabled' })
  })
})
