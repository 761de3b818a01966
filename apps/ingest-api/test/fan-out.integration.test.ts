import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { deliverAsWorker } from './deliver-as-worker.js'
import { startTestApi, type TestApi } from './start-test-api.js'

const FANOUT_MAX = 3

let api: TestApi

// Limits stand before the key is used first: the API keeps them with it for some seconds.
beforeAll(async () => {
  api = await startTestApi()
  const limits = JSON.stringify({ fanoutMax: FANOUT_MAX })
  await api.database.pool.query('update runtime_environments set limits = $1 where id = $2', [
    limits,
    api.a.production.id,
  ])
})

afterAll(async () => {
  await api?.stop()
})

type Item = Record<string, unknown>

async function makeEndpoint(name: string): Promise<string> {
  const body = { url: 'https://8.8.8.8/hook', events: [name] }
  const answer = await api.call('POST', '/api/v1/webhook-endpoints', { body })
  expect(answer.status).toBe(201)
  return String(answer.body['dispatcherId'])
}

async function deliver(name: string): Promise<string> {
  const { body } = await api.call('POST', '/api/v1/events', { body: { event: { name } } })
  await deliverAsWorker(api, [String(body['id'])])
  return String(body['id'])
}

async function explain(id: string): Promise<{ pages: number; candidates: Item[]; event: Item }> {
  const candidates: Item[] = []
  for (let pages = 1, cursor = ''; ; pages += 1) {
    const { status, body } = await api.call('GET', `/api/v1/events/${id}/deliveries?explain=true${cursor}`)
    expect(status).toBe(200)
    const page = body['candidates'] as Item[]
    expect(page.length).toBeLessThanOrEqual(100)
    candidates.push(...page)
    const next = body['nextCandidatesCursor']
    if (next === null) return { pages, candidates, event: body['event'] as Item }
    cursor = `&candidatesCursor=${String(next)}`
  }
}

test('an event goes to the first dispatchers up to its fan-out, and says how many it left out, and which', async () => {
  const ids: string[] = []
  for (let n = 0; n < 5; n += 1) ids.push(await makeEndpoint('wide'))
  const id = await deliver('wide')
  expect((await api.call('GET', `/api/v1/events/${id}`)).body).toMatchObject({ fanoutLimited: 2 })
  const listed = (await api.call('GET', '/api/v1/events?name=wide')).body['data'] as Item[]
  expect(listed).toMatchObject([{ matchedCount: FANOUT_MAX, fanoutLimited: 2 }])
  const late = await makeEndpoint('wide')
  const { event, candidates } = await explain(id)
  expect(event).toMatchObject({ state: 'delivered', matchedCount: FANOUT_MAX, fanoutLimited: 2 })
  const byId = new Map(candidates.map((one) => [one['dispatcherId'], one]))
  for (const dispatcherId of ids.slice(0, FANOUT_MAX)) {
    expect(byId.get(dispatcherId)).toMatchObject({ matches: true, hasDelivery: true })
    expect(byId.get(dispatcherId)).not.toHaveProperty('note')
  }
  for (const dispatcherId of ids.slice(FANOUT_MAX)) {
    expect(byId.get(dispatcherId)).toMatchObject({ matches: true, hasDelivery: false, note: 'fanout_limited' })
  }
  expect(byId.get(late)).toMatchObject({ note: 'dispatcher_is_newer' })
})

test('a replay goes no further, and says how many it left out; one to a dispatcher that was left out reaches it', async () => {
  const ids: string[] = []
  for (let n = 0; n < 5; n += 1) ids.push(await makeEndpoint('again'))
  const id = await deliver('again')
  await api.database.pool.query(`update deliveries set state = 'dead', reason = 'gone', settled_at = now()`)
  const { status, body } = await api.call('POST', `/api/v1/events/${id}/replay`)
  expect([status, body['fanoutLimited']]).toEqual([200, 2])
  const replayed = (body['deliveries'] as Item[]).map((one) => one['dispatcherId'])
  expect(replayed.toSorted()).toEqual(ids.slice(0, FANOUT_MAX))
  const one = await api.call('POST', `/api/v1/events/${id}/replay`, { body: { dispatcherId: ids[4] } })
  expect(one.body).toMatchObject({ deliveries: [{ dispatcherId: ids[4], replayed: true }], fanoutLimited: 0 })
})

test('replays and explanations reach past thousands of dispatchers that want something else', async () => {
  const first = await makeEndpoint('far')
  const id = await deliver('far')
  await api.database.pool.query(
    `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
       dispatchable_id, dispatchable)
     select organization_id, environment_id, (left(id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, '{else}', source,
       dispatchable_type, n::text, dispatchable
     from event_dispatchers, generate_series(1, 2500) n where id = $1`,
    [first],
  )
  const last = await makeEndpoint('far')
  const { body } = await api.call('POST', `/api/v1/events/${id}/replay`)
  const reached = (body['deliveries'] as Item[]).map((one) => one['dispatcherId'])
  expect([reached.toSorted(), body['fanoutLimited']]).toEqual([[first, last], 0])
  const { pages, candidates } = await explain(id)
  const seen = candidates.map((one) => String(one['dispatcherId']))
  expect(seen).toEqual([...new Set(seen)].toSorted().toReversed())
  const { rows } = await api.database.pool.query('select count(*)::int as live from event_dispatchers')
  expect(seen).toHaveLength(rows[0].live)
  expect(pages).toBe(Math.ceil(seen.length / 100))
})

test('a cursor of candidates that is not ours is refused, with its name', async () => {
  const id = await deliver('cursor')
  for (const cursor of ['x', 'c1.eA']) {
    const path = `/api/v1/events/${id}/deliveries?explain=true&candidatesCursor=${cursor}`
    const { status, body } = await api.call('GET', path)
    expect([status, body['errors']]).toEqual([422, [expect.objectContaining({ pointer: '/candidatesCursor' })]])
  }
})
