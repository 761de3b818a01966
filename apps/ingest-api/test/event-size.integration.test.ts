import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startTestApi, type TestApi } from './start-test-api.js'

const EVENT_BYTES_MAX = 512 * 1024

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

async function count(): Promise<number> {
  const { rows } = await api.database.pool.query<{ count: number }>('select count(*)::int as count from event_records')
  return rows[0]?.count ?? -1
}

/** An event whose payload is an array with so many times this JSON. */
function buildEvent(item: string, times: number): string {
  return `{"name":"numbers","payload":[${Array.from({ length: times }, () => item).join()}]}`
}

/** Sends it by itself, in bulk, and to be tried; gives the status of each. */
async function sendInEachWay(event: string): Promise<number[]> {
  const send = async (path: string, raw: string) => (await api.call('POST', path, { raw })).status
  return [
    await send('/api/v1/events', `{"event":${event}}`),
    await send('/api/v1/events/bulk', `{"events":[{"name":"small"},${event}]}`),
    await send('/api/v1/event-dispatchers/test', `{"event":${event},"filter":{}}`),
  ]
}

describe('the size of an event whose numbers have exponents is that of its numbers written out', () => {
  test.each([
    ['1e20', 60_000],
    ['1e300', 60_000],
    ['-1e-300', 60_000],
    ['{"a":[5e-324]}', 2_000],
  ])('%s %i times is too large, and nothing of it is stored', async (item, times) => {
    const event = buildEvent(item, times)
    expect(event.length).toBeLessThan(EVENT_BYTES_MAX)
    const before = await count()
    expect(await sendInEachWay(event)).toEqual([413, 413, 413])
    expect(await count()).toBe(before)
  })

  test.each([
    ['1e300', 1_500],
    ['1e20', 20_000],
    ['12345', 80_000],
    ['0.25', 90_000],
  ])('%s %i times is not', async (item, times) => {
    expect(await sendInEachWay(buildEvent(item, times))).toEqual([200, 200, 200])
    const { rows } = await api.database.pool.query<{ bytes: number }>(
      `select max(octet_length(replace(payload::text, ' ', ''))) as bytes from event_records where name = 'numbers'`,
    )
    expect(rows[0]?.bytes).toBeLessThanOrEqual(EVENT_BYTES_MAX)
  })
})
