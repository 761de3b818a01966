import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createId, DELIVERY_STATES, type DeliveryState } from '@signalbox/domain'
import request from 'supertest'
import { startIngestApi } from '../src/compose.js'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: '127.0.0.1:4011' })
})

afterAll(async () => {
  await api?.stop()
})

const PATH = '/api/v1/deliveries'
const UNKNOWN_ID = '0191d7c8-0000-7000-8000-000000000001'

interface Endpoint {
  id: string
  dispatcherId: string
}

async function makeEndpoint(key = api.a.production.secretKey): Promise<Endpoint> {
  const body = { url: 'http://127.0.0.1:4011/', events: ['never'] }
  const answer = await api.call('POST', '/api/v1/webhook-endpoints', { key, body })
  expect(answer.status).toBe(201)
  return answer.body as unknown as Endpoint
}

interface Wanted {
  name?: string
  state?: DeliveryState
  attempts?: number
  lastStatus?: number
  reason?: string
  eventId?: string
}

/** A delivery as the workers leave it behind. */
async function makeDelivery(endpoint: Endpoint, wanted: Wanted = {}): Promise<string> {
  const { name = 'order.paid', state = 'dead', attempts = 0, lastStatus = null, reason = null } = wanted
  const eventId = wanted.eventId ?? createId()
  expect((await api.call('POST', '/api/v1/events', { body: { event: { id: eventId, name } } })).status).toBe(200)
  const { organizationId, production } = api.a
  const event = await api.database.prisma.eventRecord.findFirstOrThrow({
    where: { organizationId, environmentId: production.id, eventId },
  })
  const id = createId()
  await api.database.prisma.delivery.create({
    data: {
      organizationId,
      id,
      environmentId: production.id,
      eventRecordId: event.id,
      dispatcherId: endpoint.dispatcherId,
      state,
      attemptCount: attempts,
      lastStatus,
      ...(attempts === 0 ? {} : { lastNumber: attempts, lastStartedAt: new Date(), lastDurationMs: attempts }),
      ...(attempts === 0
        ? {}
        : { lastOutcome: 'busy', lastResponseStatus: lastStatus, lastResponseHeaders: { 'retry-after': '1' } }),
      ...(attempts === 0 ? {} : { lastResponseBody: 'later', lastAddress: '127.0.0.1' }),
      reason,
      settledAt: state === 'pending' || state === 'in_flight' ? null : new Date(),
    },
  })
  for (let number = 1; number < attempts; number += 1) {
    await api.database.prisma.deliveryAttempt.create({
      data: {
        organizationId,
        deliveryId: id,
        number,
        startedAt: new Date(),
        durationMs: number,
        outcome: 'busy',
        responseStatus: 503,
        responseHeaders: { 'retry-after': '1' },
        responseBody: 'later',
        address: '127.0.0.1',
      },
    })
  }
  return id
}

async function listIds(query: string): Promise<string[]> {
  const answer = await api.call('GET', `${PATH}?${query}`)
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return (answer.body['data'] as { id: string }[]).map(({ id }) => id)
}

describe('showing', () => {
  test('a delivery with its attempts, oldest first', async () => {
    const endpoint = await makeEndpoint()
    const id = await makeDelivery(endpoint, {
      attempts: 3,
      lastStatus: 503,
      reason: 'attempts_exhausted',
      eventId: 'mine',
    })
    const answer = await api.call('GET', `${PATH}/${id}`)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      id,
      eventId: 'mine',
      eventName: 'order.paid',
      dispatcherId: endpoint.dispatcherId,
      endpointId: endpoint.id,
      state: 'dead',
      attemptCount: 3,
      nextAttemptAt: null,
      reason: 'attempts_exhausted',
      lastError: null,
      lastStatus: 503,
      settledAt: expect.any(String),
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      attempts: [1, 2, 3].map((number) => ({
        number,
        startedAt: expect.any(String),
        durationMs: number,
        outcome: 'busy',
        responseStatus: 503,
        responseHeaders: { 'retry-after': '1' },
        responseBody: 'later',
        errorCode: null,
        errorDetail: null,
        address: '127.0.0.1',
      })),
    })
  })

  test('of very many attempts the newest 200', async () => {
    const id = await makeDelivery(await makeEndpoint())
    const { organizationId } = api.a
    await api.database.prisma.deliveryAttempt.createMany({
      data: Array.from({ length: 250 }, (_, index) => ({
        organizationId,
        deliveryId: id,
        number: index + 1,
        startedAt: new Date(),
        durationMs: 1,
        outcome: 'busy',
      })),
    })
    const attempts = (await api.call('GET', `${PATH}/${id}`)).body['attempts'] as { number: number }[]
    expect([attempts.length, attempts[0]?.number, attempts.at(-1)?.number]).toEqual([200, 51, 250])
  })
})

describe('listing', () => {
  test('newest first, by every condition, and by several together', async () => {
    const [one, two] = [await makeEndpoint(), await makeEndpoint()]
    const before = new Date()
    const a = await makeDelivery(one, { name: 'user.made', state: 'succeeded', lastStatus: 204, eventId: 'event a' })
    const b = await makeDelivery(one, { name: 'user.gone', state: 'dead', lastStatus: 500 })
    const c = await makeDelivery(two, { name: 'user_made', state: 'skipped' })
    const from = `from=${before.toISOString()}`
    expect(await listIds(from)).toEqual([c, b, a])
    expect(await listIds(`${from}&state=dead`)).toEqual([b])
    expect(await listIds(`${from}&endpointId=${one.id}`)).toEqual([b, a])
    expect(await listIds(`${from}&endpointId=${one.id.toUpperCase()}`)).toEqual([b, a])
    expect(await listIds(`${from}&dispatcherId=${two.dispatcherId}`)).toEqual([c])
    expect(await listIds(`${from}&eventId=${encodeURIComponent('event a')}`)).toEqual([a])
    expect(await listIds(`${from}&eventId=none`)).toEqual([])
    expect(await listIds(`${from}&eventName=user.made`)).toEqual([a])
    expect(await listIds(`${from}&eventName=user.*`)).toEqual([b, a])
    expect(await listIds(`${from}&eventName=user_*`)).toEqual([c])
    expect(await listIds(`${from}&responseStatus=500`)).toEqual([b])
    expect(await listIds(`${from}&endpointId=${one.id}&state=succeeded&responseStatus=204`)).toEqual([a])
    expect(await listIds(`${from}&endpointId=${two.id}&state=succeeded`)).toEqual([])
    expect(await listIds(`to=${before.toISOString()}`)).not.toContain(a)
    expect(await listIds(`from=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([])
  })

  test('page by page, each once', async () => {
    const endpoint = await makeEndpoint()
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) ids.unshift(await makeDelivery(endpoint))
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = `endpointId=${endpoint.id}&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`
      const { body }: ApiAnswer = await api.call('GET', `${PATH}?${query}`)
      seen.push(...(body['data'] as { id: string }[]).map(({ id }) => id))
      cursor = body['nextCursor'] as string | null
    }
    expect(seen).toEqual(ids)
  })

  test.each([
    ['state=lost', '/state'],
    ['endpointId=x', '/endpointId'],
    ['dispatcherId=x', '/dispatcherId'],
    ['eventId=', '/eventId'],
    ['eventName=', '/eventName'],
    ['from=yesterday', '/from'],
    ['to=99999-01-01', '/to'],
    ['responseStatus=99', '/responseStatus'],
    ['responseStatus=5xx', '/responseStatus'],
    ['cursor=zzz', '/cursor'],
    ['limit=1000', '/limit'],
    ['state=dead&state=pending', '/state'],
  ])('?%s is refused', async (query, pointer) => {
    const answer = await api.call('GET', `${PATH}?${query}`)
    expect([answer.status, answer.body['errors']]).toMatchObject([422, [{ pointer }]])
  })

  test.each(['from=0001-01-01T00:00:00Z', 'to=9999-12-31T23:59:59Z', "eventName='%20or%201=1--*", 'eventId=%25'])(
    '?%s is taken',
    async (query) => {
      expect((await api.call('GET', `${PATH}?${query}`)).status).toBe(200)
    },
  )
})

describe('replay', () => {
  test.each(DELIVERY_STATES.filter((state) => state !== 'pending' && state !== 'in_flight'))(
    'starts a %s delivery over, and notes it for the scheduler',
    async (state) => {
      const id = await makeDelivery(await makeEndpoint(), {
        state,
        attempts: 2,
        reason: 'attempts_exhausted',
        lastStatus: 503,
      })
      const answer = await api.call('POST', `${PATH}/${id}/replay`)
      expect(answer.status).toBe(200)
      expect(answer.body).toMatchObject({ id, state: 'pending', attemptCount: 2, reason: null, settledAt: null })
      const row = await api.database.prisma.delivery.findFirstOrThrow({ where: { id } })
      const outbox = await api.database.prisma.deliveryOutbox.findFirst({ where: { deliveryId: id } })
      expect(row).toMatchObject({ state: 'pending', attemptCount: 2, attemptOffset: 2, leaseUntil: null })
      for (const due of [row.nextAttemptAt, outbox?.wakeAt]) {
        expect(Math.abs((due?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
      }
      const again = await api.call('POST', `${PATH}/${id}/replay`)
      expect([again.status, again.body['code']]).toEqual([409, 'conflict'])
    },
  )

  test.each(['pending', 'in_flight'] as const)('a %s delivery is a conflict, and stays as it is', async (state) => {
    const id = await makeDelivery(await makeEndpoint(), { state, attempts: 1 })
    const before = await api.call('GET', `${PATH}/${id}`)
    expect((await api.call('POST', `${PATH}/${id}/replay`)).status).toBe(409)
    expect((await api.call('GET', `${PATH}/${id}`)).body).toEqual(before.body)
    expect(await api.database.prisma.deliveryOutbox.count({ where: { deliveryId: id } })).toBe(0)
  })

  test('the conflict of one that waits says when its next attempt is', async () => {
    const id = await makeDelivery(await makeEndpoint(), { state: 'pending', attempts: 1 })
    const nextAttemptAt = new Date('2100-01-01T00:00:00.000Z')
    await api.database.prisma.delivery.updateMany({ where: { id }, data: { nextAttemptAt } })
    const { body } = await api.call('POST', `${PATH}/${id}/replay`)
    expect(body['detail']).toBe('The delivery is still on its way: next attempt at 2100-01-01T00:00:00.000Z')
  })

  test('of many at the same moment one wins', async () => {
    const id = await makeDelivery(await makeEndpoint())
    const answers = await Promise.all(Array.from({ length: 8 }, () => api.call('POST', `${PATH}/${id}/replay`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409])
  })

  test('an outbox row that is still there is woken', async () => {
    const endpoint = await makeEndpoint()
    const id = await makeDelivery(endpoint)
    const { organizationId } = api.a
    const wakeAt = new Date('2100-01-01T00:00:00Z')
    await api.database.prisma.deliveryOutbox.create({
      data: { organizationId, deliveryId: id, dispatcherId: endpoint.dispatcherId, wakeAt },
    })
    expect((await api.call('POST', `${PATH}/${id}/replay`)).status).toBe(200)
    const row = await api.database.prisma.deliveryOutbox.findFirstOrThrow({ where: { deliveryId: id } })
    expect(row.wakeAt.getTime()).toBeLessThan(Date.now() + 60_000)
  })

  test('goes on without Redis', async () => {
    const id = await makeDelivery(await makeEndpoint())
    const key = api.a.production.secretKey
    const config = { ...api.config, REDIS_URL: 'redis://127.0.0.1:1' }
    const alone = await startIngestApi(config)
    try {
      const answer = await request(alone.url).post(`${PATH}/${id}/replay`).set('authorization', `Bearer ${key}`)
      expect(answer.status).toBe(200)
      expect(await api.database.prisma.deliveryOutbox.count({ where: { deliveryId: id } })).toBe(1)
    } finally {
      await alone.stop()
    }
  })

  test('a deleted dispatcher is a conflict', async () => {
    const endpoint = await makeEndpoint()
    const id = await makeDelivery(endpoint)
    await api.call('DELETE', `/api/v1/event-dispatchers/${endpoint.dispatcherId}`)
    const answer = await api.call('POST', `${PATH}/${id}/replay`)
    expect([answer.status, answer.body['detail']]).toEqual([409, expect.stringContaining('deleted')])
    expect((await api.call('GET', `${PATH}/${id}`)).body['state']).toBe('dead')
  })
})

describe('tenants', () => {
  test('another tenant and another environment get 403 and nothing changes; nowhere is 404', async () => {
    const id = await makeDelivery(await makeEndpoint(), { attempts: 1 })
    for (const key of [api.b.production.secretKey, api.a.development.secretKey]) {
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/replay'],
      ] as const) {
        const answer = await api.call(method, `${PATH}/${id}${path}`, { key })
        expect([method, answer.status]).toEqual([method, 403])
        expect(answer.text).not.toContain('later')
        expect((await api.call(method, `${PATH}/${UNKNOWN_ID}${path}`, { key })).status).toBe(404)
        expect((await api.call(method, `${PATH}/none${path}`, { key })).status).toBe(404)
      }
      expect((await api.call('GET', PATH, { key })).body['data']).toEqual([])
    }
    expect((await api.call('GET', `${PATH}/${id}`)).body['state']).toBe('dead')
  })

  test('a public key may do nothing here', async () => {
    expect((await api.call('GET', PATH, { key: api.a.production.publicKey })).status).toBe(403)
  })
})
