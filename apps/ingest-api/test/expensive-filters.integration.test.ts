import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { deliverAsWorker } from './deliver-as-worker.js'
import { startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

/** Some 900 steps for each element. */
const filter = { $nor: Array.from({ length: 900 }, (_, index) => ({ a: { b: [index + 5] } })) }

function makePayload(elements: number): object {
  return { a: Array.from({ length: elements }, () => ({ b: 1 })) }
}

const TRY = '/api/v1/event-dispatchers/test'

test('an event that is tried may cost as much as one that is sent, and no more', async () => {
  const attempt = (elements: number) =>
    api.call('POST', TRY, { body: { event: { name: 'x', payload: makePayload(elements) }, filter } })
  expect(await attempt(100)).toMatchObject({ status: 200, body: { matches: true } })
  const refused = await attempt(50_000)
  expect(refused).toMatchObject({ status: 422, body: { code: 'filter_too_expensive' } })
  expect(refused.body['detail']).toContain('2,000,000 steps')
})

test('an event that is tried may be as large as one that is sent, and no larger', async () => {
  const payload = makePayload(80_000)
  const tried = await api.call('POST', TRY, { body: { event: { name: 'x', payload }, filter: {} } })
  expect(tried).toMatchObject({ status: 413, body: { code: 'event_too_large' } })
  const sent = await api.call('POST', '/api/v1/events', { body: { event: { name: 'x', payload } } })
  expect(sent.status).toBe(413)
})

test('explaining and replaying an event have one budget for all dispatchers', async () => {
  const name = 'heavy'
  const sent = await api.call('POST', '/api/v1/events', { body: { event: { name, payload: makePayload(1_000) } } })
  const id = String(sent.body['id'])
  await deliverAsWorker(api, [id])
  for (let count = 0; count < 4; count += 1) {
    const body = { url: 'https://8.8.8.8/hook', events: [name], filter }
    expect((await api.call('POST', '/api/v1/webhook-endpoints', { body })).status).toBe(201)
  }
  const other = { url: 'https://8.8.8.8/hook', events: ['other'], filter }
  expect((await api.call('POST', '/api/v1/webhook-endpoints', { body: other })).status).toBe(201)
  const { status, body } = await api.call('GET', `/api/v1/events/${id}/deliveries?explain=true`)
  expect(status).toBe(200)
  const candidates = body['candidates'] as Record<string, unknown>[]
  const told = candidates.map(({ matches, condition }) => (matches === true ? 'matches' : condition))
  expect(told.toSorted()).toEqual(['matches', 'matches', 'name', 'too_expensive', 'too_expensive'])
  const replayed = await api.call('POST', `/api/v1/events/${id}/replay`, { body: {} })
  expect(replayed).toMatchObject({ status: 422, body: { code: 'filter_too_expensive' } })
})
