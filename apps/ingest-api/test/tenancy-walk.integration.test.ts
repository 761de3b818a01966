import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createId } from '@signalbox/domain'
import { routes } from '../src/routes/index.js'
import { startTestApi, type TestApi } from './start-test-api.js'

/** Stands in every text of tenant A's that a stranger could see. */
const MARK = 'property-of-a'

/** What tenant A has. */
interface Victim {
  eventId: string
  account: string
  endpointId: string
  dispatcherId: string
  deliveryId: string
}

/** One call that a stranger makes. */
interface Trial {
  path: string
  body?: object
  /** What a secret key of a stranger gets: 403, unless the call names nothing of A's. */
  status?: number
}

type Trials = (victim: Victim) => Trial[]

const events = '/api/v1/events'
const accounts = '/api/v1/accounts'
const dispatchers = '/api/v1/event-dispatchers'
const endpoints = '/api/v1/webhook-endpoints'
const deliveries = '/api/v1/deliveries'

const url = `https://8.8.8.8/stranger`

/** Every route, by its operation. Each names what it can of A's; own calls show that nothing of A's comes with them. */
const TRIALS: Record<string, Trials> = {
  sendEvent: ({ eventId, account }) => [
    {
      path: events,
      status: 200,
      body: { event: { id: eventId, name: 'mine', payload: 1 }, options: { accountId: account } },
    },
  ],
  sendEvents: ({ eventId }) => [
    { path: `${events}/bulk`, status: 200, body: { events: [{ id: `${eventId}-2`, name: 'mine' }] } },
    { path: `${events}/bulk?partial=true`, status: 207, body: { events: [{ id: `${eventId}-2`, name: 'mine' }] } },
  ],
  getEvent: ({ eventId }) => [{ path: `${events}/${eventId}-only` }],
  listEvents: ({ account }) => [
    { path: events, status: 200 },
    { path: `${events}?accountId=${account}`, status: 200 },
    { path: `${events}?payload=${encodeURIComponent(JSON.stringify({ mark: MARK }))}`, status: 200 },
  ],
  listEventDeliveries: ({ eventId }) => [
    { path: `${events}/${eventId}-only/deliveries` },
    { path: `${events}/${eventId}-only/deliveries?explain=true` },
  ],
  cancelEvent: ({ eventId }) => [{ path: `${events}/${eventId}-only/cancel` }],
  replayEvent: ({ eventId, dispatcherId }) => [
    { path: `${events}/${eventId}-only/replay` },
    { path: `${events}/${eventId}-only/replay`, body: { dispatcherId } },
    { path: `${events}/delivered-of-stranger/replay`, body: { dispatcherId } },
  ],
  listAccounts: () => [{ path: accounts, status: 200 }],
  createAccount: () => [{ path: accounts, status: 201, body: { identifier: 'a-fresh-one' } }],
  getAccount: ({ account }) => [{ path: `${accounts}/${account}-only` }],
  changeAccount: ({ account }) => [{ path: `${accounts}/${account}-only`, body: { metadata: { stolen: true } } }],
  // Identifiers are each environment's own: this makes the stranger's.
  putAccount: ({ account }) => [{ path: `${accounts}/${account}`, status: 201, body: { metadata: { mine: true } } }],
  deleteAccount: ({ account }) => [{ path: `${accounts}/${account}-only` }],
  listEventDispatchers: () => [{ path: dispatchers, status: 200 }],
  createEventDispatcher: ({ endpointId }) => [
    { path: dispatchers, body: { event: 'x', dispatchable: { type: 'WEBHOOK', id: endpointId } } },
  ],
  createEphemeralEventDispatcher: () => [
    { path: `${dispatchers}/ephemeral`, status: 200, body: { url: `${url}/ephemeral`, name: 'x' } },
  ],
  testEventDispatcher: ({ dispatcherId }) => [
    { path: `${dispatchers}/test`, body: { event: { name: 'x' }, dispatcherId } },
  ],
  getEventDispatcher: ({ dispatcherId }) => [{ path: `${dispatchers}/${dispatcherId}` }],
  changeEventDispatcher: ({ dispatcherId }) => [{ path: `${dispatchers}/${dispatcherId}`, body: { enabled: false } }],
  deleteEventDispatcher: ({ dispatcherId }) => [{ path: `${dispatchers}/${dispatcherId}` }],
  enableEventDispatcher: ({ dispatcherId }) => [{ path: `${dispatchers}/${dispatcherId}/enable` }],
  disableEventDispatcher: ({ dispatcherId }) => [{ path: `${dispatchers}/${dispatcherId}/disable` }],
  listWebhookEndpoints: () => [{ path: endpoints, status: 200 }],
  createWebhookEndpoint: () => [{ path: endpoints, status: 201, body: { url, events: ['mine'] } }],
  getWebhookEndpoint: ({ endpointId }) => [{ path: `${endpoints}/${endpointId}` }],
  changeWebhookEndpoint: ({ endpointId }) => [{ path: `${endpoints}/${endpointId}`, body: { url } }],
  deleteWebhookEndpoint: ({ endpointId }) => [{ path: `${endpoints}/${endpointId}` }],
  enableWebhookEndpoint: ({ endpointId }) => [{ path: `${endpoints}/${endpointId}/enable` }],
  disableWebhookEndpoint: ({ endpointId }) => [{ path: `${endpoints}/${endpointId}/disable` }],
  rotateWebhookSecret: ({ endpointId }) => [{ path: `${endpoints}/${endpointId}/rotate-secret`, body: {} }],
  listDeliveries: ({ endpointId, eventId, dispatcherId }) => [
    { path: deliveries, status: 200 },
    { path: `${deliveries}?eventId=${eventId}`, status: 200 },
    { path: `${deliveries}?endpointId=${endpointId}`, status: 200 },
    { path: `${deliveries}?dispatcherId=${dispatcherId}`, status: 200 },
  ],
  getDelivery: ({ deliveryId }) => [{ path: `${deliveries}/${deliveryId}` }],
  replayDelivery: ({ deliveryId }) => [{ path: `${deliveries}/${deliveryId}/replay` }],
}

let api: TestApi
let victim: Victim
let before: string

beforeAll(async () => {
  api = await startTestApi()
  victim = await makeVictim()
  for (const key of [api.b.production, api.b.development, api.a.development]) await makeDeliveredEvent(key.secretKey)
  before = await dumpVictim()
})

afterAll(async () => {
  await api?.stop()
})

test('every route is tried, and nothing that is no route', () => {
  expect(Object.keys(TRIALS).sort()).toEqual(routes.map((route) => route.operationId).sort())
})

test('what is looked at is there', async () => {
  const { eventId, endpointId, deliveryId, account } = victim
  for (const path of [`${events}/${eventId}-only`, `${endpoints}/${endpointId}`, `${deliveries}/${deliveryId}`]) {
    expect((await api.call('GET', path)).status).toBe(200)
  }
  expect((await api.call('GET', `${accounts}/${account}-only`)).status).toBe(200)
  expect(before).toContain(MARK)
})

describe.each(routes.map((route) => [route.operationId, route] as const))('%s', (operationId, route) => {
  const strangers = [
    ["tenant B's secret key", () => api.b.production.secretKey],
    ["tenant B's other environment", () => api.b.development.secretKey],
    ["tenant A's other environment", () => api.a.development.secretKey],
  ] as const

  test.each(strangers)('with %s reaches nothing of A', async (_name, readKey) => {
    for (const trial of TRIALS[operationId]?.(victim) ?? []) {
      const { status, text } = await api.call(route.method, trial.path, { key: readKey(), ...trial })
      expect([trial.path, status, text]).toEqual([trial.path, trial.status ?? 403, expect.any(String)])
      expectNothingOfVictim(text ?? '', trial)
      expect(await dumpVictim()).toBe(before)
    }
  })

  test.each([
    ["tenant B's public key", (): string | null => api.b.production.publicKey, 403],
    ['a personal token that nobody has', (): string | null => `tr_pat_${'0'.repeat(40)}`, 401],
    ['no key', (): string | null => null, 401],
  ] as const)('with %s reaches nothing of A', async (_name, readKey, expected) => {
    for (const trial of TRIALS[operationId]?.(victim) ?? []) {
      const { status, text } = await api.call(route.method, trial.path, { key: readKey(), ...trial })
      expect([trial.path, status]).toEqual([trial.path, expected])
      expectNothingOfVictim(text ?? '', trial)
    }
    expect(await dumpVictim()).toBe(before)
  })
})

/** An answer may repeat what the stranger sent, but tells nothing else of A's. */
function expectNothingOfVictim(text: string, trial: Trial): void {
  expect(text).not.toContain(MARK)
  const sent = trial.path + JSON.stringify(trial.body ?? {})
  const { eventId, account, endpointId, dispatcherId, deliveryId } = victim
  const foreign = [api.a.organizationId, api.a.projectId, api.a.production.id, endpointId, dispatcherId, deliveryId]
  foreign.push(`${eventId}-only`, `${account}-only`)
  for (const id of foreign) if (!sent.includes(id)) expect(text).not.toContain(id)
}

async function makeVictim(): Promise<Victim> {
  const eventId = 'order-7'
  const account = 'customer-7'
  const must = async (method: string, path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await api.call(method, path, { body })
    expect([200, 201]).toContain(answer.status)
    return answer.body
  }
  await must('POST', accounts, { identifier: account, metadata: { mark: MARK } })
  await must('POST', accounts, { identifier: `${account}-only`, metadata: { mark: MARK } })
  const made = await must('POST', endpoints, { url: `https://8.8.8.8/${MARK}`, events: ['order'], description: MARK })
  const options = { accountId: account }
  await must('POST', events, { event: { id: eventId, name: 'order', payload: { mark: MARK } }, options })
  await must('POST', events, { event: { id: `${eventId}-only`, name: 'order', payload: { mark: MARK } }, options })
  const { prisma } = api.database
  const scope = { organizationId: api.a.organizationId, environmentId: api.a.production.id }
  const dispatcher = await prisma.eventDispatcher.findFirstOrThrow({ where: scope })
  const event = await prisma.eventRecord.findFirstOrThrow({ where: { ...scope, eventId: `${eventId}-only` } })
  const deliveryId = createId()
  const ids = { eventRecordId: event.id, dispatcherId: dispatcher.id }
  await prisma.delivery.create({
    data: { ...scope, ...ids, id: deliveryId, state: 'dead', reason: 'gone', lastError: MARK },
  })
  return { eventId, account, endpointId: String(made['id']), dispatcherId: dispatcher.id, deliveryId }
}

/** A delivered event of a stranger, to be replayed to somebody else's dispatcher. */
async function makeDeliveredEvent(key: string): Promise<void> {
  const body = { event: { id: 'delivered-of-stranger', name: 'x' } }
  expect((await api.call('POST', events, { key, body })).status).toBe(200)
  await api.database.pool.query(
    `update event_records set delivered_at = now() where event_id = 'delivered-of-stranger'`,
  )
}

/** All rows of A's production environment, as text. */
async function dumpVictim(): Promise<string> {
  const tables = [
    'external_accounts',
    'event_records',
    'webhook_endpoints',
    'event_dispatchers',
    'deliveries',
    'dispatcher_sets',
  ]
  const parts: string[] = []
  for (const table of tables) {
    const { rows } = await api.database.pool.query(
      `select coalesce(json_agg(t order by t::text), '[]')::text as text from ${table} t
       where organization_id = $1 and environment_id = $2`,
      [api.a.organizationId, api.a.production.id],
    )
    parts.push(rows[0].text)
  }
  const boxes = await api.database.pool.query(
    `select (select count(*) from event_outbox where organization_id = $1 and event_record_id in
      (select id from event_records where environment_id = $2))::text
      || ' ' || (select count(*) from delivery_outbox where organization_id = $1)::text as text`,
    [api.a.organizationId, api.a.production.id],
  )
  return [...parts, boxes.rows[0].text].join('\n')
}
