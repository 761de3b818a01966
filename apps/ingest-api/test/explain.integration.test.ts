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

interface Endpoint {
  id: string
  dispatcherId: string
}

const URL = 'https://8.8.8.8/hook'
const UNKNOWN_ID = '0191d7c8-0000-7000-8000-000000000001'

async function makeEndpoint(name: string, key = api.a.production.secretKey): Promise<Endpoint> {
  const answer = await api.call('POST', '/api/v1/webhook-endpoints', { key, body: { url: URL, events: [name] } })
  expect(answer.status).toBe(201)
  return answer.body as unknown as Endpoint
}

const disable = (kind: 'webhook-endpoints' | 'event-dispatchers', id: string): Promise<ApiAnswer> =>
  api.call('POST', `/api/v1/${kind}/${id}/disable`)

async function send(name: string, options: object = {}): Promise<string> {
  const { status, body } = await api.call('POST', '/api/v1/events', { body: { event: { name }, options } })
  expect(status).toBe(200)
  return String(body['id'])
}

async function explain(id: string, dispatcherId: string): Promise<{ event: Item; candidate: Item | undefined }> {
  const { status, body } = await api.call('GET', `/api/v1/events/${id}/deliveries?explain=true`)
  expect(status).toBe(200)
  const candidate = (body['candidates'] as Item[]).find((one) => one['dispatcherId'] === dispatcherId)
  return { event: body['event'] as Item, candidate }
}

describe('of a dispatcher that matches', () => {
  test('a delivery is told, with what is invoked', async () => {
    const { id, dispatcherId } = await makeEndpoint('plain')
    const eventId = await send('plain')
    await deliverAsWorker(api, [eventId])
    const { event, candidate } = await explain(eventId, dispatcherId)
    expect(event).toEqual({
      state: 'delivered',
      deliverAt: expect.any(String),
      cancelledAt: null,
      matchedCount: 1,
      fanoutLimited: 0,
    })
    expect(candidate).toEqual({
      dispatcherId,
      dispatchable: { type: 'WEBHOOK', id },
      url: URL,
      matches: true,
      hasDelivery: true,
    })
  })

  test('it is told why there is none: the event waits, is scheduled, or is cancelled', async () => {
    const { dispatcherId } = await makeEndpoint('waiting')
    const pending = await send('waiting')
    const scheduled = await send('waiting', { deliverAfter: 3_600 })
    const cancelled = await send('waiting', { deliverAfter: 3_600 })
    expect((await api.call('POST', `/api/v1/events/${cancelled}/cancel`)).status).toBe(200)
    for (const [eventId, state] of [
      [pending, 'pending'],
      [scheduled, 'scheduled'],
      [cancelled, 'cancelled'],
    ] as const) {
      const { event, candidate } = await explain(eventId, dispatcherId)
      expect(event).toMatchObject({ state, matchedCount: null })
      expect(candidate).toMatchObject({ matches: true, hasDelivery: false, note: `event_${state}` })
    }
    expect((await explain(cancelled, dispatcherId)).event['cancelledAt']).toEqual(expect.any(String))
  })

  test('it is told why there is none: the dispatcher was made or changed after the event', async () => {
    const changed = await makeEndpoint('elsewhere')
    const eventId = await send('late')
    await deliverAsWorker(api, [eventId])
    const newer = await makeEndpoint('late')
    await api.call('PATCH', `/api/v1/webhook-endpoints/${changed.id}`, { body: { events: ['late'] } })
    const unsent = { matches: true, hasDelivery: false }
    expect((await explain(eventId, newer.dispatcherId)).candidate).toMatchObject({
      ...unsent,
      note: 'dispatcher_is_newer',
    })
    expect((await explain(eventId, changed.dispatcherId)).candidate).toMatchObject({
      ...unsent,
      note: 'dispatcher_was_changed',
    })
  })
})

describe('a webhook endpoint that is disabled', () => {
  test('is seen by explain, be the dispatcher its own or another', async () => {
    const { id, dispatcherId } = await makeEndpoint('switched')
    const dispatchable = { type: 'WEBHOOK', id }
    const body = { event: 'switched', dispatchable, dispatchableId: 'second to switched' }
    const second = await api.call('POST', '/api/v1/event-dispatchers', { body })
    expect(second.status).toBe(201)
    expect((await disable('webhook-endpoints', id)).status).toBe(200)
    const eventId = await send('switched')
    for (const each of [dispatcherId, String(second.body['id'])]) {
      const { candidate } = await explain(eventId, each)
      expect(candidate).toMatchObject({ matches: false, condition: 'endpoint_disabled', dispatchable })
    }
  })

  test('is seen by a dry run, by dispatcher and by endpoint', async () => {
    const { id, dispatcherId } = await makeEndpoint('dry')
    const attempt = (body: object): Promise<ApiAnswer> =>
      api.call('POST', '/api/v1/event-dispatchers/test', { body: { event: { name: 'dry' }, ...body } })
    expect((await attempt({ endpointId: id })).body).toMatchObject({ matches: true, explanation: [] })
    await disable('webhook-endpoints', id)
    const seen = { matches: false, explanation: [{ condition: 'endpoint_disabled', message: expect.any(String) }] }
    expect((await attempt({ endpointId: id })).body).toMatchObject(seen)
    expect((await attempt({ dispatcherId })).body).toMatchObject(seen)
    expect((await attempt({ dispatcherId, endpointId: id })).status).toBe(422)
    expect((await attempt({ endpointId: id, filter: {} })).status).toBe(422)
    expect((await attempt({ endpointId: UNKNOWN_ID })).status).toBe(404)
    expect((await attempt({ endpointId: 'x' })).status).toBe(404)
    const foreign = await makeEndpoint('dry', api.b.production.secretKey)
    expect((await attempt({ endpointId: foreign.id })).status).toBe(403)
    await api.call('DELETE', `/api/v1/event-dispatchers/${dispatcherId}`)
    expect((await attempt({ endpointId: id })).status).toBe(404)
  })
})

describe('an explanation can be narrowed', () => {
  const ask = (eventId: string, query: string): Promise<ApiAnswer> =>
    api.call('GET', `/api/v1/events/${eventId}/deliveries?explain=true&${query}`)

  test('to a dispatcher, or to the one of an endpoint, with its delivery', async () => {
    const [one, other] = [await makeEndpoint('narrow'), await makeEndpoint('narrow')]
    const eventId = await send('narrow')
    await deliverAsWorker(api, [eventId])
    for (const [{ dispatcherId }, query] of [
      [one, `dispatcherId=${one.dispatcherId}`],
      [other, `endpointId=${other.id}`],
    ] as const) {
      const { body } = await ask(eventId, query)
      expect(body).toMatchObject({ data: [{ dispatcherId }], candidates: [{ dispatcherId, hasDelivery: true }] })
      expect([body['nextCursor'], body['nextCandidatesCursor']]).toEqual([null, null])
    }
  })

  test('not to what is not there, nor to both at once', async () => {
    const { id, dispatcherId } = await makeEndpoint('narrow')
    const foreign = await makeEndpoint('narrow', api.b.production.secretKey)
    const eventId = await send('narrow')
    expect((await ask(eventId, `dispatcherId=${UNKNOWN_ID}`)).body).toMatchObject({ data: [], candidates: [] })
    expect((await ask(eventId, `dispatcherId=${foreign.dispatcherId}`)).body).toMatchObject({ candidates: [] })
    expect((await ask(eventId, `endpointId=${UNKNOWN_ID}`)).status).toBe(404)
    expect((await ask(eventId, `endpointId=${foreign.id}`)).status).toBe(403)
    expect((await ask(eventId, `endpointId=${id}&dispatcherId=${dispatcherId}`)).status).toBe(422)
    expect((await ask(eventId, `endpoint=${id}`)).body['detail']).toBe(
      'in the query, /endpoint: Unknown: did you mean endpointId?',
    )
  })
})

test('of names and sources it is told what the dispatcher takes, and what the event has', async () => {
  const body = { url: URL, events: ['paid.*', 'refunded'], source: 'shop' }
  const endpoint = (await api.call('POST', '/api/v1/webhook-endpoints', { body })).body
  const dispatcherId = String(endpoint['dispatcherId'])
  const name = {
    condition: 'name',
    message: 'The name is none of those that the dispatcher takes',
    expected: 'one of "paid.*", "refunded"',
    actual: 'sold',
  }
  const source = {
    condition: 'source',
    message: 'The source is not the one that the dispatcher takes; `*` takes any',
    expected: '"shop"',
    actual: 'trigger.dev',
  }
  const tried = await api.call('POST', '/api/v1/event-dispatchers/test', {
    body: { event: { name: 'sold' }, endpointId: endpoint['id'] },
  })
  expect(tried.body['explanation']).toEqual([name, source])
  expect((await explain(await send('sold'), dispatcherId)).candidate).toMatchObject(name)
  expect((await explain(await send('refunded'), dispatcherId)).candidate).toMatchObject(source)
})
