import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { pollUntil } from '@signalbox/testkit'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { emptyTables, type EventFollower, followEvents } from './follow-events.js'
import { type RunningApps, startApps } from './start-apps.js'

let apps: RunningApps
let send: EventFollower['send']
let untilEnded: EventFollower['untilEnded']
let untilDelivered: EventFollower['untilDelivered']

beforeAll(async () => {
  apps = await startApps()
  ;({ send, untilEnded, untilDelivered } = followEvents(apps))
})

// Every test has the environment for itself: what subscribed goes, with what it is still owed.
afterEach(async () => {
  const { body } = await apps.call('GET', '/api/v1/webhook-endpoints?limit=100')
  for (const { id } of body.data) await apps.call('DELETE', `/api/v1/webhook-endpoints/${id}`)
  await emptyTables(apps)
  apps.receiver.reset()
})

afterAll(async () => {
  await apps?.stop()
})

const QUICK_RETRIES = { retryPolicy: { delaysSeconds: [0.05, 0.05] } }

describe('an event', () => {
  test('arrives as a signed webhook', async () => {
    const { secret } = await apps.subscribe('/a')
    const timestamp = '2026-05-01T12:00:00.250Z'
    await send({ id: 'order-1', name: 'order.paid', payload: { total: 5, note: 'é' }, context: { c: 1 }, timestamp })
    const [request] = await apps.receiver.untilReceived(1, '/a')
    expect(request?.method).toBe('POST')
    expect(request?.headers['content-type']).toBe('application/json')
    const headers = request?.headers as Record<string, string>
    expect(headers['user-agent']).toMatch(/^Signalbox\/\d+\.\d+\.\d+$/)
    expect(new StandardWebhook(secret).verify(request?.body ?? '', headers)).toEqual({
      id: 'order-1',
      type: 'order.paid',
      timestamp,
      data: { total: 5, note: 'é' },
      context: { c: 1 },
      source: 'trigger.dev',
    })
    const delivery = await untilEnded('order-1', 'succeeded')
    expect(headers['webhook-id']).toBe(delivery.id)
    expect(delivery).toMatchObject({
      attemptCount: 1,
      attempts: [{ number: 1, outcome: 'succeeded', responseStatus: 200 }],
    })
  })

  test('fans out to everyone whose names, source and filters fit, and to nobody else', async () => {
    await apps.subscribe('/all')
    await apps.subscribe('/exact', { events: ['order.paid'] })
    await apps.subscribe('/wild', { events: ['order.*'] })
    await apps.subscribe('/large', { filter: { total: [{ $gte: 100 }] } })
    await apps.subscribe('/other', { events: ['order.shipped'] })
    await apps.subscribe('/stranger', {}, apps.b.production.secretKey)
    await apps.subscribe('/development', {}, apps.a.development.secretKey)
    await send({ id: 'small', name: 'order.paid', payload: { total: 5 } })
    await send({ id: 'large', name: 'order.made', payload: { total: 100 } })
    await apps.receiver.untilReceived(6)
    expect((await untilDelivered('small')).matched_count).toBe(3)
    expect((await untilDelivered('large')).matched_count).toBe(3)
    const got = (path: string) =>
      apps.receiver
        .at(path)
        .map((request) => (JSON.parse(request.body) as { id: string }).id)
        .toSorted()
    expect(got('/all')).toEqual(['large', 'small'])
    expect(got('/exact')).toEqual(['small'])
    expect(got('/wild')).toEqual(['large', 'small'])
    expect(got('/large')).toEqual(['large'])
    expect(apps.receiver.requests).toHaveLength(6)
    expect(new Set(apps.receiver.requests.map((request) => request.headers['webhook-id'])).size).toBe(6)
  })

  test('that no one wants is delivered to 0', async () => {
    await send({ id: 'lonely', name: 'x' })
    expect(await untilDelivered('lonely')).toMatchObject({ matched_count: 0, failed_at: null })
  })

  test('for later arrives after its time, not before', async () => {
    await apps.subscribe('/later')
    const deliverAt = new Date(Date.now() + 1_500)
    const answer = await send({ id: 'later', name: 'x' }, { deliverAt: deliverAt.toISOString() })
    expect(answer.deliverAt).toBe(deliverAt.toISOString())
    await apps.receiver.untilReceived(1, '/later')
    expect(Date.now()).toBeGreaterThanOrEqual(deliverAt.getTime())
    expect((await untilDelivered('later')).delivered_at?.getTime()).toBeGreaterThanOrEqual(deliverAt.getTime())
  })

  test('that is cancelled before its time never arrives; one that is delivered can not be cancelled', async () => {
    await apps.subscribe('/cancel')
    await send({ id: 'stopped', name: 'x' }, { deliverAfter: 1 })
    expect((await apps.call('POST', '/api/v1/events/stopped/cancel')).status).toBe(200)
    // Due at the same time or later than the one that was stopped: when it is here, the other would have been.
    await send({ id: 'passed', name: 'x' }, { deliverAfter: 2 })
    await apps.receiver.untilReceived(1, '/cancel')
    const ids = apps.receiver.at('/cancel').map((request) => (JSON.parse(request.body) as { id: string }).id)
    expect(ids).toEqual(['passed'])
    expect((await apps.call('POST', '/api/v1/events/passed/cancel')).status).toBe(409)
    expect((await apps.call('POST', '/api/v1/events/stopped/cancel')).status).toBe(200)
  })

  test('sent again and again is one event, delivered once', async () => {
    await apps.subscribe('/once')
    await Promise.all(Array.from({ length: 20 }, () => send({ id: 'same', name: 'x' })))
    await untilEnded('same', 'succeeded')
    await send({ id: 'same', name: 'x' })
    await send({ id: 'marker', name: 'x' })
    await untilEnded('marker', 'succeeded')
    expect(apps.receiver.requests).toHaveLength(2)
  })

  test('in bulk arrives whole', async () => {
    await apps.subscribe('/bulk')
    const events = Array.from({ length: 300 }, (_, n) => ({ id: `bulk ${n}`, name: 'x', payload: { n } }))
    expect((await apps.call('POST', '/api/v1/events/bulk', { body: { events } })).status).toBe(200)
    const requests = await apps.receiver.untilReceived(300, '/bulk')
    const ids = requests.map((request) => (JSON.parse(request.body) as { id: string }).id)
    expect(ids.toSorted()).toEqual(events.map((event) => event.id).toSorted())
  })

  test('carries the trace of its request on to the receiver', async () => {
    await apps.subscribe('/trace')
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await send({ name: 'x' }, undefined, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })
    const [request] = await apps.receiver.untilReceived(1, '/trace')
    const [, seen, parent] = String(request?.headers['traceparent']).split('-')
    expect(seen).toBe(traceId)
    expect(parent).not.toBe('b7ad6b7169203331')
  })

  test('of an account goes to the dispatchers of that account and to those of none', async () => {
    await apps.call('POST', '/api/v1/accounts', { body: { identifier: 'user-1' } })
    await apps.subscribe('/account', { accountId: 'user-1' })
    await apps.subscribe('/everyone')
    await send({ id: 'theirs', name: 'x' }, { accountId: 'user-1' })
    await send({ id: 'nobody', name: 'x' })
    await apps.receiver.untilReceived(3)
    await untilDelivered('nobody')
    const bodies = apps.receiver.at('/account').map((request) => JSON.parse(request.body) as object)
    expect(bodies).toMatchObject([{ id: 'theirs', accountId: 'user-1' }])
    expect(apps.receiver.at('/everyone')).toHaveLength(2)
  })

  test('is marked as a test when it says so, is named so, or comes from a development environment', async () => {
    await send({ id: 'plain', name: 'x' })
    await send({ id: 'said', name: 'x' }, { test: true })
    await send({ id: 'named', name: 'test.x' })
    await send({ id: 'denied', name: 'test.x' }, { test: false })
    await send({ id: 'developed', name: 'x' }, undefined, { key: apps.a.development.secretKey })
    const { rows } = await apps.database.pool.query(
      'select event_id from event_records where is_test order by event_id',
    )
    expect(rows.map((row) => row.event_id)).toEqual(['developed', 'named', 'said'])
  })
})

describe('a REQUEST payload', () => {
  const headers = { 'Content-Type': 'application/json' }

  test('is matched with its body parsed', async () => {
    await apps.subscribe('/request', { filter: { method: ['POST'], body: { kind: ['refund'] } } })
    const make = (id: string, kind: string) => ({
      id,
      name: 'http',
      payloadType: 'REQUEST',
      payload: { url: 'https://x.test/', method: 'POST', headers, body: JSON.stringify({ kind }) },
    })
    await send(make('other', 'order'))
    await send(make('refund', 'refund'))
    await apps.receiver.untilReceived(1, '/request')
    expect(await untilDelivered('other')).toMatchObject({ matched_count: 0 })
    expect(await untilDelivered('refund')).toMatchObject({ matched_count: 1 })
  })

  test('that does not parse sets that event aside with its reason, and no other', async () => {
    await apps.subscribe('/request', { filter: { body: { kind: ['refund'] } } })
    const broken = { url: '/', method: 'POST', headers, body: '{' }
    const fine = { url: '/', method: 'POST', headers, body: '{"kind":"refund"}' }
    const events = [
      { id: 'broken', name: 'http', payloadType: 'REQUEST', payload: broken },
      { id: 'fine', name: 'http', payloadType: 'REQUEST', payload: fine },
    ]
    expect((await apps.call('POST', '/api/v1/events/bulk', { body: { events } })).status).toBe(200)
    await apps.receiver.untilReceived(1, '/request')
    expect(await untilDelivered('broken')).toMatchObject({
      delivered_at: null,
      failed_at: expect.any(Date),
      failure_reason: expect.stringContaining('does not parse'),
    })
    expect((await apps.call('GET', '/api/v1/events?state=failed')).body.data).toMatchObject([{ id: 'broken' }])
  })
})

describe('a receiver that fails', () => {
  test('gets the same bytes under the same id until it answers 2xx', async () => {
    await apps.subscribe('/flaky', QUICK_RETRIES)
    apps.receiver.answer((_, nth) => (nth < 3 ? { status: nth === 1 ? 500 : 404, body: 'no' } : { status: 204 }))
    await send({ id: 'flaky', name: 'x', payload: { a: 1 } })
    const delivery = await untilEnded('flaky', 'succeeded')
    const requests = apps.receiver.at('/flaky')
    expect(requests).toHaveLength(3)
    expect(new Set(requests.map((request) => request.body)).size).toBe(1)
    expect(new Set(requests.map((request) => request.headers['webhook-id']))).toEqual(new Set([delivery.id]))
    const attempts = delivery.attempts.map((one) => [one.number, one.outcome, one.responseStatus])
    expect(attempts).toEqual([
      [1, 'busy', 500],
      [2, 'unexpected', 404],
      [3, 'succeeded', 204],
    ])
  })

  test('is given up when its policy is used up, and replayed on request with numbers going on', async () => {
    await apps.subscribe('/dead', QUICK_RETRIES)
    apps.receiver.answer(() => ({ status: 503 }))
    await send({ id: 'dead', name: 'x' })
    const dead = await untilEnded('dead', 'dead')
    expect(dead).toMatchObject({ reason: 'attempts_exhausted', attemptCount: 3 })
    apps.receiver.answer((_, nth) => (nth < 5 ? { status: 500 } : undefined))
    expect((await apps.call('POST', `/api/v1/deliveries/${dead.id}/replay`)).status).toBe(200)
    const replayed = await untilEnded('dead', 'succeeded')
    expect(replayed.id).toBe(dead.id)
    expect(replayed.attempts.map((one) => one.number)).toEqual([1, 2, 3, 4, 5])
  })

  test('that says Retry-After is left alone for as long', async () => {
    await apps.subscribe('/busy', QUICK_RETRIES)
    apps.receiver.answer((_, nth) => (nth === 1 ? { status: 429, headers: { 'retry-after': '2' } } : undefined))
    await send({ id: 'busy', name: 'x' })
    const [first, second] = await apps.receiver.untilReceived(2, '/busy')
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_900)
  })

  test('that is gone (410) gets nothing more: its endpoint is disabled, what was pending is skipped', async () => {
    const { id } = await apps.subscribe('/gone')
    apps.receiver.answer(() => ({ status: 410 }))
    await send({ id: 'gone', name: 'x' })
    expect(await untilEnded('gone')).toMatchObject({ state: 'dead', reason: 'gone', attemptCount: 1 })
    await pollUntil(async () => (await apps.call('GET', `/api/v1/webhook-endpoints/${id}`)).body['enabled'] === false, {
      what: 'the endpoint to be disabled',
    })
    expect((await apps.call('GET', `/api/v1/webhook-endpoints/${id}`)).body['disabledReason']).toBe('gone')
    await send({ id: 'afterwards', name: 'x' })
    expect(await untilEnded('afterwards')).toMatchObject({
      state: 'skipped',
      reason: 'endpoint_disabled',
      attemptCount: 0,
    })
    expect(apps.receiver.at('/gone')).toHaveLength(1)
  })

  test('at an address that the guard refuses is never called', async () => {
    const { id } = await apps.subscribe('/refused')
    await apps.database.pool.query(`update webhook_endpoints set url = 'http://169.254.169.254/' where id = $1`, [id])
    await send({ id: 'refused', name: 'x' })
    expect(await untilEnded('refused')).toMatchObject({ state: 'dead', reason: 'address_refused' })
  })

  test('slowly holds up nobody else, however much is owed to it', async () => {
    await apps.subscribe('/slow', { events: ['slow'], concurrency: 5 })
    await apps.subscribe('/quick', { events: ['quick'], concurrency: 5 })
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    apps.receiver.answer((request) => (request.path === '/slow' ? { after: held } : undefined))
    const make = (name: string, count: number) =>
      Array.from({ length: count }, (_, n) => ({ id: `${name} ${n}`, name }))
    await apps.call('POST', '/api/v1/events/bulk', { body: { events: make('slow', 400) } })
    await apps.receiver.untilReceived(5, '/slow')
    await apps.call('POST', '/api/v1/events/bulk', { body: { events: make('quick', 400) } })
    await apps.receiver.untilReceived(400, '/quick')
    // Not one of the slow ones was answered, and no more of them are in flight than its endpoint may have.
    expect(apps.receiver.at('/slow')).toHaveLength(5)
    release()
    await apps.receiver.untilReceived(50, '/slow')
    const parked = await apps.database.pool.query(
      `select count(*)::int as count from all_delivery_attempts where outcome <> 'succeeded'`,
    )
    expect(parked.rows).toEqual([{ count: 0 }])
  })
})

describe('dispatchers', () => {
  test('one that is disabled between deliver and dispatch leaves its delivery skipped, with the reason', async () => {
    const { dispatcherId } = await apps.subscribe('/disabled', { retryPolicy: { delaysSeconds: [1] } })
    apps.receiver.answer(() => ({ status: 500 }))
    await send({ id: 'disabled', name: 'x' })
    await apps.receiver.untilReceived(1, '/disabled')
    expect((await apps.call('POST', `/api/v1/event-dispatchers/${dispatcherId}/disable`)).status).toBe(200)
    expect(await untilEnded('disabled')).toMatchObject({
      state: 'skipped',
      reason: 'dispatcher_disabled',
      attemptCount: 1,
    })
    await send({ id: 'next', name: 'x' })
    expect(await untilDelivered('next')).toMatchObject({ matched_count: 0 })
  })

  test('a change is seen by the very next event', async () => {
    const { dispatcherId } = await apps.subscribe('/change', { events: ['a'] })
    for (let round = 0; round < 5; round++) {
      const name = round % 2 === 0 ? 'b' : 'a'
      const changed = await apps.call('PATCH', `/api/v1/event-dispatchers/${dispatcherId}`, { body: { event: [name] } })
      expect(changed.status).toBe(200)
      await send({ id: `fits ${round}`, name })
      await send({ id: `fails ${round}`, name: name === 'a' ? 'b' : 'a' })
      expect(await untilDelivered(`fits ${round}`)).toMatchObject({ matched_count: 1 })
      expect(await untilDelivered(`fails ${round}`)).toMatchObject({ matched_count: 0 })
    }
  })

  test('an ephemeral one gets one event exactly, signed, and is gone', async () => {
    const made = await apps.call('POST', '/api/v1/event-dispatchers/ephemeral', {
      body: { url: `${apps.receiver.url}/ephemeral`, name: ['job.done'], filter: { ok: [true] } },
    })
    expect([200, 201]).toContain(made.status)
    await send({ id: 'not this', name: 'job.done', payload: { ok: false } })
    const events = Array.from({ length: 30 }, (_, n) => ({ id: `done ${n}`, name: 'job.done', payload: { ok: true } }))
    await Promise.all(events.map((event) => send(event)))
    for (const event of events) await untilDelivered(event.id)
    const [request] = await apps.receiver.untilReceived(1, '/ephemeral')
    expect(request?.headers['webhook-signature']).toMatch(/^v1,/)
    const body = JSON.parse(request?.body ?? '') as Record<string, unknown>
    expect(body).toMatchObject({ name: 'job.done', payload: { ok: true }, context: {}, source: 'trigger.dev' })
    await untilEnded(String(body['id']), 'succeeded')
    await send({ id: 'too late', name: 'job.done', payload: { ok: true } })
    expect(await untilDelivered('too late')).toMatchObject({ matched_count: 0 })
    expect(apps.receiver.at('/ephemeral')).toHaveLength(1)
  })
})

describe('replaying an event', () => {
  test('delivers it to everyone who wants it now, also to those who came later', async () => {
    await apps.subscribe('/old')
    await send({ id: 'replayed', name: 'x' })
    await untilEnded('replayed', 'succeeded')
    await apps.subscribe('/new')
    const answer = await apps.call('POST', '/api/v1/events/replayed/replay')
    expect(answer.status).toBe(200)
    await apps.receiver.untilReceived(2, '/old')
    await apps.receiver.untilReceived(1, '/new')
    const [first, second] = apps.receiver.at('/old')
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(second?.body).toBe(first?.body)
  })
})
