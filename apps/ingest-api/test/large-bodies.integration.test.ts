import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startTestApi, type TestApi } from './start-test-api.js'

const EVENTS_EACH = 8
const REQUESTS = 6
// Eight of these make a body of 3.6 MB: three at one time are more than the half of 16 MiB that the API
// may hold of one environment here.
const PAYLOAD = { text: 'x'.repeat(450_000) }

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ BODY_BYTES_AT_ONCE_MAX: String(16 * 1024 * 1024) })
}, 60_000)
afterAll(() => api.stop())

describe('large requests', () => {
  test('more than memory has room for are refused with 503, and the others are stored', async () => {
    const events = Array.from({ length: EVENTS_EACH }, () => ({ name: 'large', payload: PAYLOAD }))
    const other = api.b.production.secretKey
    const [ofOther, ...answers] = await Promise.all([
      api.call('POST', '/api/v1/events/bulk', { body: { events }, key: other }),
      ...Array.from({ length: REQUESTS }, () => api.call('POST', '/api/v1/events/bulk', { body: { events } })),
    ])
    expect(ofOther.status).toBe(200)
    const accepted = answers.filter((answer) => answer.status === 200)
    const refused = answers.filter((answer) => answer.status === 503)
    expect(accepted.length).toBeGreaterThan(0)
    expect(refused.length).toBeGreaterThan(0)
    expect(accepted.length + refused.length).toBe(REQUESTS)
    for (const answer of refused) {
      expect(answer.body).toMatchObject({ code: 'overloaded' })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    await expect(api.database.prisma.eventRecord.count()).resolves.toBe((accepted.length + 1) * EVENTS_EACH)
    // Nothing stays taken.
    const next = await api.call('POST', '/api/v1/events/bulk', { body: { events } })
    expect(next.status).toBe(200)
  })
})
