import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { AttemptReading, DeliveryRef, NextStep } from '@signalbox/domain'
import { createTestEphemeral, createTestWebhook, type TestWebhook, type TwoTenants } from '@signalbox/testkit'
import type { Database } from '../src/index.js'
import { type Claimed, LEASE_MS, only, openDispatchStore, type OpenDispatchStore } from './open-dispatch-store.js'
import type { OwedDelivery } from './owe-delivery.js'

let open: OpenDispatchStore
let database: Database
let tenants: TwoTenants
let store: OpenDispatchStore['store']
let webhook: TestWebhook

beforeAll(async () => {
  open = await openDispatchStore()
  ;({ database, tenants, store } = open)
})

beforeEach(async () => {
  webhook = await open.createWebhook()
})

afterEach(async () => {
  await open.empty()
})

afterAll(async () => {
  await open?.close()
})

const scope = (tenant?: 'a' | 'b') => open.scopeOf(tenant)
const owe = (more?: Parameters<OpenDispatchStore['owe']>[1]) => open.owe(webhook.dispatcherId, more)
const claim = (...refs: OwedDelivery[]) => open.claim(...refs)
const record = (delivery: Claimed, step: NextStep, reading?: Partial<AttemptReading>) =>
  open.record(delivery, step, reading)

async function read(ref: { deliveryId: string }) {
  const { rows } = await database.pool.query(
    `select d.*, b.wake_at, (select count(*)::int from all_delivery_attempts a where a.delivery_id = d.id) as logged
     from deliveries d left join delivery_outbox b on b.organization_id = d.organization_id and b.delivery_id = d.id
     where d.id = $1`,
    [ref.deliveryId],
  )
  return rows[0]
}

describe('claiming', () => {
  test('gives what is sent, and puts the delivery in flight with a lease', async () => {
    const timestamp = new Date('2020-02-02T02:02:02.222Z')
    const owed = await owe({
      name: 'n',
      source: 's',
      payload: { p: 1 },
      context: { c: 1 },
      timestamp,
      accountId: 'acc',
    })
    const claimed = await only(claim(owed))
    expect(claimed).toMatchObject({
      ...scope(),
      deliveryId: owed.deliveryId,
      dispatcherId: webhook.dispatcherId,
      attemptCount: 0,
      attemptOffset: 0,
      name: 'n',
      source: 's',
      timestamp,
      body: { payload: '{"p": 1}', context: '{"c": 1}' },
      accountIdentifier: 'acc',
      traceParent: null,
    })
    const row = await read(owed)
    expect(row.state).toBe('in_flight')
    expect(row.lease_until.getTime()).toBeGreaterThan(Date.now() + LEASE_MS - 5_000)
  })

  test('is exclusive, however many workers hold the same job in whatever order', async () => {
    for (let round = 0; round < 10; round++) {
      const owed = await Promise.all(Array.from({ length: 20 }, () => owe()))
      const jobs = [owed, owed.toReversed(), owed, owed.toReversed(), owed.slice(5)]
      const claimed = (await Promise.all(jobs.map((job) => claim(...job)))).flat()
      expect(claimed.map((one) => one.deliveryId).toSorted()).toEqual(owed.map((one) => one.deliveryId).toSorted())
    }
  })

  test('refuses a job that is older than the last attempt', async () => {
    const owed = await owe()
    await record(await only(claim(owed)), { kind: 'retry', delayMs: 0 })
    expect(await claim(owed)).toEqual([])
    expect(await claim({ ...owed, attemptCount: 1 })).toHaveLength(1)
  })

  test('refuses what is not due, what has ended and what is another tenant’s', async () => {
    const owed = await owe()
    expect(await claim({ ...owed, organizationId: tenants.b.organizationId })).toEqual([])
    await record(await only(claim(owed)), { kind: 'retry', delayMs: 60_000 })
    expect(await claim({ ...owed, attemptCount: 1 })).toEqual([])
    const ended = await owe()
    await record(await only(claim(ended)), { kind: 'complete' }, { outcome: 'succeeded' })
    expect(await claim({ ...ended, attemptCount: 1 })).toEqual([])
    expect(await claim(ended)).toEqual([])
  })

  test.each([
    ['random text', { payload: { text: Array.from({ length: 6_000 }, () => Math.random().toString(36)).join('') } }],
    ['text that compresses to nothing', { payload: { text: 'x'.repeat(400_000) } }],
    ['a large context', { payload: { p: 1 }, context: { text: 'x'.repeat(400_000) } }],
    [
      'one that is small as it is stored',
      { payload: { p: Array.from({ length: 120 }, (_, n) => `${n}`).map((n) => Number(`${n}e300`)) } },
    ],
  ])('leaves a large body out, to be loaded when its turn comes: %s', async (_name, event) => {
    const claimed = await only(claim(await owe(event)))
    expect(claimed.body).toBeNull()
    const body = await store.loadBody(claimed)
    expect(JSON.parse(body?.payload ?? '')).toEqual(event.payload)
    expect(JSON.parse(body?.context ?? '')).toEqual('context' in event ? event.context : {})
  })

  test('takes a body along that is compressed but small', async () => {
    const claimed = await only(claim(await owe({ payload: { text: 'x'.repeat(10_000) } })))
    expect(claimed.body?.payload).toHaveLength(10_012)
  })
})

describe('recording', () => {
  test('a success ends the delivery, keeps the attempt and leaves nothing for the scheduler', async () => {
    const owed = await owe()
    const reading = {
      outcome: 'succeeded' as const,
      status: 204,
      responseHeaders: { a: 'b' },
      responseBody: 'fine',
      address: '127.0.0.1',
    }
    expect(await record(await only(claim(owed)), { kind: 'complete' }, reading)).toEqual([true])
    const row = await read(owed)
    expect(row).toMatchObject({
      state: 'succeeded',
      attempt_count: 1,
      last_status: 204,
      lease_until: null,
      wake_at: null,
    })
    expect(row.settled_at).toBeInstanceOf(Date)
    expect(await open.listAttempts(owed)).toMatchObject([
      {
        number: 1,
        duration_ms: 13,
        outcome: 'succeeded',
        response_status: 204,
        response_headers: { a: 'b' },
        response_body: 'fine',
        error_code: null,
        address: '127.0.0.1',
      },
    ])
  })

  test('a failure waits for its next attempt, and the scheduler looks soon after that', async () => {
    const owed = await owe()
    await record(await only(claim(owed)), { kind: 'retry', delayMs: 7_000 }, { errorCode: 'timeout' })
    const row = await read(owed)
    expect(row).toMatchObject({ state: 'pending', attempt_count: 1, last_error: 'timeout', settled_at: null })
    const waitMs = row.next_attempt_at.getTime() - Date.now()
    expect([waitMs > 4_000, waitMs <= 7_000]).toEqual([true, true])
    expect(row.wake_at.getTime()).toBeGreaterThan(row.next_attempt_at.getTime())
    expect(row.wake_at.getTime()).toBeLessThan(row.next_attempt_at.getTime() + 60_000)
  })

  test('the last failure is the end, with its reason', async () => {
    const owed = await owe()
    await record(await only(claim(owed)), { kind: 'discard', reason: 'attempts_exhausted' })
    expect(await read(owed)).toMatchObject({ state: 'dead', reason: 'attempts_exhausted', wake_at: null, logged: 1 })
  })

  test('a claim whose lease ran out and was taken over can record nothing', async () => {
    const owed = await owe()
    const late = await only(claim(owed))
    await database.pool.query(`update deliveries set state = 'pending', lease_until = null where id = $1`, [
      owed.deliveryId,
    ])
    const present = await only(claim(owed))
    expect(present.lease).not.toBe(late.lease)
    expect(await record(late, { kind: 'discard', reason: 'gone' })).toEqual([false])
    expect(await read(owed)).toMatchObject({ state: 'in_flight', attempt_count: 0, logged: 0 })
    expect(await record(present, { kind: 'complete' })).toEqual([true])
    expect(await record(present, { kind: 'complete' })).toEqual([false])
    expect(await read(owed)).toMatchObject({ state: 'succeeded', logged: 1 })
  })

  test('a group with one stale claim records the others', async () => {
    const owed = await Promise.all([owe(), owe(), owe()])
    const claimed = await claim(...owed)
    await database.pool.query(`update deliveries set lease_until = now() where id = $1`, [claimed[1]?.deliveryId])
    const records = claimed.map((delivery) => ({
      delivery,
      startedAt: new Date(),
      reading: { outcome: 'succeeded' as const, durationMs: 1 },
      step: { kind: 'complete' as const },
    }))
    expect(await store.recordAttempts(records)).toEqual([true, false, true])
  })
})

const putOff = (ref: DeliveryRef, delayMs: number) => ({ ...ref, lease: null, delayMs })

describe('parking', () => {
  test('puts pending and claimed deliveries off, without an attempt', async () => {
    const [pending, flying] = [await owe(), await owe()]
    const claimed = await only(claim(flying))
    const moved = await store.parkDeliveries([putOff(pending, 9_000), { ...claimed, delayMs: 19_000 }])
    expect(moved.toSorted()).toEqual([pending.deliveryId, claimed.deliveryId].toSorted())
    for (const owed of [pending, flying]) {
      const row = await read(owed)
      expect(row).toMatchObject({ state: 'pending', attempt_count: 0, lease_until: null, logged: 0 })
      expect(row.next_attempt_at.getTime()).toBeGreaterThan(Date.now() + (owed === flying ? 15_000 : 5_000))
      expect(row.next_attempt_at.getTime()).toBeLessThan(Date.now() + (owed === flying ? 20_000 : 10_000))
      expect(row.wake_at.getTime()).toBeGreaterThan(row.next_attempt_at.getTime())
      expect(await claim(owed)).toEqual([])
    }
    expect(await record(claimed, { kind: 'complete' })).toEqual([false])
  })

  test('leaves alone what another worker has claimed, or has moved on', async () => {
    const [flying, moved] = [await owe(), await owe()]
    const claimed = await only(claim(flying))
    await record(await only(claim(moved)), { kind: 'retry', delayMs: 0 })
    expect(await store.parkDeliveries([putOff(flying, 60_000), putOff(moved, 60_000)])).toEqual([])
    expect(await record(claimed, { kind: 'complete' })).toEqual([true])
    expect(await claim({ ...moved, attemptCount: 1 })).toHaveLength(1)
  })
})

describe('parking twice', () => {
  test('a job that came twice does not put off further what is put off already', async () => {
    const owed = await owe()
    expect(await store.parkDeliveries([putOff(owed, 9_000)])).toEqual([owed.deliveryId])
    const { next_attempt_at: turn } = await read(owed)
    expect(await store.parkDeliveries([putOff(owed, 90_000)])).toEqual([])
    expect((await read(owed)).next_attempt_at).toEqual(turn)
  })
})

describe('skipping', () => {
  test('ends pending deliveries with the reason, and no others', async () => {
    const [pending, flying] = [await owe(), await owe()]
    await claim(flying)
    await store.skipDeliveries([pending, flying], 'dispatcher_disabled')
    expect(await read(pending)).toMatchObject({ state: 'skipped', reason: 'dispatcher_disabled', wake_at: null })
    expect((await read(pending)).settled_at).toBeInstanceOf(Date)
    expect(await read(flying)).toMatchObject({ state: 'in_flight' })
  })
})

describe('the target of a dispatcher', () => {
  const load = (id = webhook.dispatcherId) => store.loadTarget(scope().organizationId, id)

  test('is its endpoint, with secrets and headers opened', async () => {
    const retryPolicy = { delaysSeconds: [1, 2] }
    const made = await createTestWebhook(database, scope(), {
      url: 'https://example.com/x',
      method: 'PATCH',
      headers: { 'x-key': 'secret' },
      retryPolicy,
      timeoutMs: 2_000,
      concurrency: 3,
    })
    expect(await load(made.dispatcherId)).toMatchObject({
      type: 'WEBHOOK',
      laneKey: `endpoint ${made.endpointId}`,
      environmentId: scope().environmentId,
      skipReason: null,
      url: 'https://example.com/x',
      method: 'PATCH',
      headers: { 'x-key': 'secret' },
      secrets: [made.secret],
      timeoutMs: 2_000,
      concurrency: 3,
      deliveriesInFlightMax: 500,
      retryPolicy,
    })
  })

  test.each([
    ['event_dispatchers set enabled = false', 'dispatcher_disabled'],
    ['event_dispatchers set deleted_at = now()', 'dispatcher_disabled'],
    ['webhook_endpoints set enabled = false', 'endpoint_disabled'],
    ['webhook_endpoints set deleted_at = now()', 'endpoint_disabled'],
    [
      `event_dispatchers set dispatchable = jsonb_build_object('type', 'WEBHOOK', 'id', organization_id)`,
      'endpoint_disabled',
    ],
    [`webhook_endpoints set secrets_sealed = 'v1.other.AA.AA.AA'`, 'secret_unreadable'],
  ])('after update %s it is one to skip: %s', async (change, skipReason) => {
    await database.pool.query(`update ${change}`)
    expect((await load())?.skipReason).toBe(skipReason)
    expect((await load())?.url).toBe('')
  })

  test('stands also when its environment’s limits and its retry policy are not what they should be', async () => {
    await database.pool.query(`update runtime_environments set limits = '{"deliveriesInFlightMax": 0}'`)
    await database.pool.query(`update webhook_endpoints set retry_policy = '{"delaysSeconds": "soon"}'`)
    const made = await createTestWebhook(database, scope())
    expect(await load(made.dispatcherId)).toMatchObject({ skipReason: null, deliveriesInFlightMax: 1 })
    await database.pool.query(`update runtime_environments set limits = '"none"'`)
    expect(await load(made.dispatcherId)).toMatchObject({ skipReason: null, deliveriesInFlightMax: 500 })
  })

  test('is nothing of another tenant', async () => {
    expect(await store.loadTarget(tenants.b.organizationId, webhook.dispatcherId)).toBeUndefined()
  })

  test('of an ephemeral dispatcher is its URL, also when it is used up', async () => {
    const url = 'http://127.0.0.1:9/once'
    const once = await createTestEphemeral(database, scope(), { url, eventNames: ['*'] })
    await database.pool.query('update event_dispatchers set deleted_at = now(), enabled = false where id = $1', [once])
    expect(await load(once)).toMatchObject({ type: 'EPHEMERAL', skipReason: null, url, secrets: [expect.any(String)] })
  })

  test('disabling an endpoint touches that one alone, once', async () => {
    const other = await createTestWebhook(database, scope())
    const target = { organizationId: scope().organizationId, endpointId: webhook.endpointId }
    await store.disableEndpoint(target, 'gone')
    await store.disableEndpoint(target, 'another reason')
    await store.disableEndpoint({ organizationId: tenants.b.organizationId, endpointId: other.endpointId }, 'gone')
    const { rows } = await database.pool.query(
      'select id, enabled, disabled_reason from webhook_endpoints where id = any($1)',
      [[webhook.endpointId, other.endpointId]],
    )
    expect(rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: webhook.endpointId, enabled: false, disabled_reason: 'gone' },
      { id: other.endpointId, enabled: true, disabled_reason: null },
    ])
  })
})
