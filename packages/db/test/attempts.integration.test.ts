import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { AttemptReading, NextStep } from '@signalbox/domain'
import type { TestWebhook } from '@signalbox/testkit'
import type { Database } from '../src/index.js'
import { eventDeliveriesSql } from '../src/sql/event-deliveries.js'
import { only, openDispatchStore, type OpenDispatchStore } from './open-dispatch-store.js'

let open: OpenDispatchStore
let database: Database
let webhook: TestWebhook

beforeAll(async () => {
  open = await openDispatchStore()
  database = open.database
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

const owe = () => open.owe(webhook.dispatcherId)

function randomText(bytes: number): string {
  return randomBytes(bytes / 2).toString('hex')
}

describe('the attempts of a delivery', () => {
  test('every attempt is kept: the last with its delivery, those before it by themselves', async () => {
    const owed = await owe()
    const other = await owe()
    const readings: Partial<AttemptReading>[] = [
      { outcome: 'failed', errorCode: 'timeout', errorDetail: 'nothing came', durationMs: 1 },
      // More than fits into a row.
      { outcome: 'busy', status: 503, responseHeaders: { b: '2' }, responseBody: randomText(20_000), durationMs: 2 },
      { outcome: 'succeeded', status: 200, responseBody: '', address: '127.0.0.1', durationMs: 3 },
    ]
    for (const [attemptCount, reading] of readings.entries()) {
      const step: NextStep = attemptCount === 2 ? { kind: 'complete' } : { kind: 'retry', delayMs: 0 }
      const claimed = await only(open.claim({ ...owed, attemptCount }))
      const first = attemptCount === 2 ? await open.claim(other) : []
      const done = await open.store.recordAttempts(
        [claimed, ...first].map((delivery) => ({
          delivery,
          startedAt: new Date(1_700_000_000_000 + attemptCount),
          reading: { outcome: 'failed' as const, durationMs: 0, ...reading },
          step,
        })),
      )
      expect(done).toEqual([claimed, ...first].map(() => true))
    }
    expect(await open.listAttempts(owed)).toEqual(
      readings.map((reading, index) => ({
        organization_id: owed.organizationId,
        delivery_id: owed.deliveryId,
        number: index + 1,
        started_at: new Date(1_700_000_000_000 + index),
        duration_ms: reading.durationMs,
        outcome: reading.outcome,
        response_status: reading.status ?? null,
        response_headers: reading.responseHeaders ?? null,
        response_body: reading.responseBody ?? null,
        error_code: reading.errorCode ?? null,
        error_detail: reading.errorDetail ?? null,
        address: reading.address ?? null,
      })),
    )
    expect((await open.listAttempts(other)).map((row) => row.number)).toEqual([1])
    const { rows } = await database.pool.query('select delivery_id, number from delivery_attempts order by number')
    expect(rows).toEqual([1, 2].map((number) => ({ delivery_id: owed.deliveryId, number })))
  })

  test('attempts of a time when all stood by themselves are still told, and the next comes after them', async () => {
    const owed = await owe()
    await database.pool.query('update deliveries set attempt_count = 1 where id = $1', [owed.deliveryId])
    await database.pool.query(
      `insert into delivery_attempts (organization_id, delivery_id, number, started_at, duration_ms, outcome)
       values ($1, $2, 1, now(), 7, 'busy')`,
      [owed.organizationId, owed.deliveryId],
    )
    await open.record(
      await only(open.claim({ ...owed, attemptCount: 1 })),
      { kind: 'complete' },
      { outcome: 'succeeded' },
    )
    const outcomes = (await open.listAttempts(owed)).map((row) => [row.number, row.outcome])
    expect(outcomes).toEqual([
      [1, 'busy'],
      [2, 'succeeded'],
    ])
  })

  test('of workers of two versions, neither falsifies what the other recorded', async () => {
    const owed = await owe()
    const timedOut = { errorCode: 'timeout', errorDetail: 'nothing came' }
    await open.record(await only(open.claim(owed)), { kind: 'retry', delayMs: 0 }, timedOut)
    // As the version before does it, which knows nothing of the columns of the last attempt.
    const claimed = await only(open.claim({ ...owed, attemptCount: 1 }))
    await database.pool.query(
      `with moved as (
         update deliveries
         set state = 'pending', attempt_count = 2, lease_until = null, next_attempt_at = now(), last_error = null,
           last_status = 503
         where id = $1 and lease_until = $2::timestamptz returning organization_id, id
       )
       insert into delivery_attempts (organization_id, delivery_id, number, started_at, duration_ms, outcome, response_status)
       select organization_id, id, 2, now(), 7, 'busy', 503 from moved`,
      [owed.deliveryId, claimed.lease],
    )
    const done = { outcome: 'succeeded' as const, status: 200 }
    await open.record(await only(open.claim({ ...owed, attemptCount: 2 })), { kind: 'complete' }, done)
    const told = (await open.listAttempts(owed)).map((row) => [
      row.number,
      row.outcome,
      row.response_status,
      row.error_code,
    ])
    expect(told).toEqual([
      [1, 'failed', null, 'timeout'],
      [2, 'busy', 503, null],
      [3, 'succeeded', 200, null],
    ])
  })

  test('the newest are told of an event, the one in its row among them, and read by index however many there are', async () => {
    const owed = await owe()
    for (const attemptCount of [0, 1, 2, 3]) {
      const step: NextStep = attemptCount === 3 ? { kind: 'complete' } : { kind: 'retry', delayMs: 0 }
      await open.record(await only(open.claim({ ...owed, attemptCount })), step, { status: 500 + attemptCount })
    }
    const { rows } = await database.pool.query(eventDeliveriesSql, [
      owed.organizationId,
      owed.eventRecordId,
      null,
      10,
      3,
      null,
    ])
    const attempts = rows[0].attempts as { number: number; response_status: number }[]
    expect(attempts.map((attempt) => [attempt.number, attempt.response_status])).toEqual([
      [2, 501],
      [3, 502],
      [4, 503],
    ])
    const plan = await database.pool.query<{ 'QUERY PLAN': string }>(
      `explain select * from all_delivery_attempts where organization_id = '${owed.organizationId}'
       and delivery_id = '${owed.deliveryId}' order by number desc limit 200`,
    )
    const lines = plan.rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(lines).toMatch(/Merge Append/)
    expect(lines).toMatch(/Index Scan Backward using delivery_attempts_pkey/)
    expect(lines).toMatch(/Index Scan using deliveries_pkey/)
  })
})
