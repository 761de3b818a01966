import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { deliverAsWorker } from './deliver-as-worker.js'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi
let endpointId: string

beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: '127.0.0.1:4012' })
  const endpoint = await api.call('POST', ENDPOINTS, { body: { url: 'https://8.8.8.8/hook', events: ['never'] } })
  endpointId = endpoint.body['id'] as string
})

afterAll(async () => {
  await api?.stop()
})

const ENDPOINTS = '/api/v1/webhook-endpoints'
const PATH = '/api/v1/event-dispatchers'
const PATTERN = { source: ['aws.ec2'], detail: { state: [{ 'anything-but': { prefix: 'init' } }] } }
const OWN = { state: [{ $startsWith: 'run' }] }

let made = 0
const wish = (change: object): object => ({
  dispatchable: { type: 'WEBHOOK', id: endpointId },
  dispatchableId: `pattern-${(made += 1)}`,
  ...change,
})

const post = (change: object): Promise<ApiAnswer> => api.call('POST', PATH, { body: wish(change) })

async function make(change: object): Promise<string> {
  const answer = await post(change)
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  return answer.body['id'] as string
}

const patch = (id: string, body: object): Promise<ApiAnswer> => api.call('PATCH', `${PATH}/${id}`, { body })

const readPointers = ({ body }: ApiAnswer): string[] =>
  (body['errors'] as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`)

describe('making', () => {
  test('a rule of EventBridge is taken unchanged: all names, all sources, its pattern', async () => {
    const payloadFilter = { ...PATTERN, $or: [{ time: [{ prefix: '2026' }] }, { account: [''] }] }
    const answer = await post({ filterLanguage: 'eventbridge', payloadFilter })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ event: ['*'], source: '*', filterLanguage: 'eventbridge', payloadFilter })
    const shown = await api.call('GET', `${PATH}/${answer.body['id']}`)
    expect(shown.body).toEqual(answer.body)
    const { index, ...listing } = answer.body
    expect(index).toMatchObject({ indexed: true, warning: null })
    expect((await api.call('GET', `${PATH}?limit=1`)).body['data']).toEqual([listing])
  })

  test('names and source that are given are kept; the context filter is in our language', async () => {
    const body = {
      filterLanguage: 'eventbridge',
      event: ['a'],
      source: 's',
      payloadFilter: PATTERN,
      contextFilter: OWN,
    }
    expect((await post(body)).body).toMatchObject(body)
    const refused = await post({ ...body, contextFilter: { state: [{ prefix: 'run' }] } })
    expect([refused.status, readPointers(refused)]).toEqual([422, ['/contextFilter/state/0/prefix unknown_operator']])
  })

  test('without a language it is our own, which wants the names of events', async () => {
    expect((await post({ event: 'a', payloadFilter: OWN })).body).toMatchObject({ filterLanguage: 'signalbox' })
    const nameless = await post({ payloadFilter: OWN })
    expect([nameless.status, readPointers(nameless)]).toEqual([422, ['/event invalid_type']])
  })

  test.each<[string, object, string[]]>([
    [
      'a pattern as a filter of ours',
      { event: 'a', payloadFilter: PATTERN },
      ['/payloadFilter/detail/state/0/anything-but unknown_operator'],
    ],
    [
      'a filter of ours as a pattern',
      { filterLanguage: 'eventbridge', payloadFilter: OWN },
      ['/payloadFilter/state/0/$startsWith unknown_operator'],
    ],
    ['no pattern', { filterLanguage: 'eventbridge' }, ['/payloadFilter pattern_missing']],
    ['null as a pattern', { filterLanguage: 'eventbridge', payloadFilter: null }, ['/payloadFilter pattern_missing']],
    [
      'a pattern under another key',
      { filterLanguage: 'eventbridge', pattern: PATTERN },
      ['/pattern unknown_key', '/payloadFilter pattern_missing'],
    ],
    ['an empty pattern', { filterLanguage: 'eventbridge', payloadFilter: {} }, ['/payloadFilter empty_pattern']],
    [
      'a bare value',
      { filterLanguage: 'eventbridge', payloadFilter: { source: 'aws.ec2' } },
      ['/payloadFilter/source bare_scalar'],
    ],
    [
      'a pattern that is no object',
      { filterLanguage: 'eventbridge', payloadFilter: [] },
      ['/payloadFilter not_an_object'],
    ],
    [
      'a key with a slash',
      { filterLanguage: 'eventbridge', payloadFilter: { 'a/b': [[]] } },
      ['/payloadFilter/a~1b/0 nested_array'],
    ],
    [
      'the key __proto__',
      { filterLanguage: 'eventbridge', payloadFilter: JSON.parse('{"__proto__": ["x"]}') },
      ['/payloadFilter key_refused'],
    ],
    [
      'another language',
      { filterLanguage: 'jsonlogic', event: 'a', payloadFilter: {} },
      ['/filterLanguage invalid_value'],
    ],
    [
      'faults beside the pattern as well',
      { filterLanguage: 'eventbridge', manual: 1, payloadFilter: { a: [] } },
      ['/manual invalid_type', '/payloadFilter/a empty_alternatives'],
    ],
  ])('refused: %s', async (_, change, pointers) => {
    const answer = await post(change)
    expect([answer.status, readPointers(answer)]).toEqual([422, pointers])
  })
})

describe('changing', () => {
  test('a stored filter is always valid in its language, whichever half is changed', async () => {
    const id = await make({ event: 'a', payloadFilter: OWN })
    const alone = await patch(id, { filterLanguage: 'eventbridge' })
    expect([alone.status, readPointers(alone)]).toEqual([422, ['/filterLanguage stored_filter_invalid']])
    const other = await patch(id, { payloadFilter: PATTERN })
    expect([other.status, readPointers(other)]).toEqual([
      422,
      ['/payloadFilter/detail/state/0/anything-but unknown_operator'],
    ])
    const both = await patch(id, { filterLanguage: 'eventbridge', payloadFilter: PATTERN })
    expect(both.body).toMatchObject({ filterLanguage: 'eventbridge', payloadFilter: PATTERN, event: ['a'] })
    const kept = await patch(id, { payloadFilter: { detail: { a: [{ exists: true }] } } })
    expect(kept.body).toMatchObject({
      filterLanguage: 'eventbridge',
      payloadFilter: { detail: { a: [{ exists: true }] } },
    })
    expect((await patch(id, { payloadFilter: OWN })).status).toBe(422)
    expect((await patch(id, { source: 'x' })).body).toMatchObject({ filterLanguage: 'eventbridge', source: 'x' })
    const cleared = await patch(id, { payloadFilter: null })
    expect([cleared.status, readPointers(cleared)]).toEqual([422, ['/payloadFilter pattern_missing']])
    expect((await patch(id, { filterLanguage: 'signalbox', payloadFilter: null })).body).toMatchObject({
      filterLanguage: 'signalbox',
      payloadFilter: null,
    })
    const patternless = await patch(id, { filterLanguage: 'eventbridge' })
    expect([patternless.status, readPointers(patternless)]).toEqual([422, ['/payloadFilter pattern_missing']])
    expect((await patch(id, { payloadFilter: OWN })).status).toBe(200)
  })

  test('a filter that both languages read goes from one to the other', async () => {
    const id = await make({ event: 'a', payloadFilter: { detail: { a: ['x'] } } })
    const changed = await patch(id, { filterLanguage: 'eventbridge' })
    expect(changed.body).toMatchObject({ filterLanguage: 'eventbridge', payloadFilter: { detail: { a: ['x'] } } })
  })

  test('of a language and a filter that are changed at the same moment one loses, and they fit', async () => {
    const id = await make({ event: 'a', payloadFilter: { state: ['x'] } })
    for (let round = 0; round < 5; round += 1) {
      await patch(id, { filterLanguage: 'signalbox', payloadFilter: { state: ['x'] } })
      await Promise.all([patch(id, { filterLanguage: 'eventbridge' }), patch(id, { payloadFilter: OWN })])
      const { filterLanguage, payloadFilter } = (await api.call('GET', `${PATH}/${id}`)).body
      expect([
        ['eventbridge', { state: ['x'] }],
        ['signalbox', OWN],
      ]).toContainEqual([filterLanguage, payloadFilter])
    }
  })

  test('what is not there is not found, also with a filter to check', async () => {
    const answer = await patch('0191d7c8-0000-7000-8000-000000000001', { filterLanguage: 'eventbridge' })
    expect(answer.status).toBe(404)
  })
})

test('a webhook endpoint subscribes by a pattern', async () => {
  const body = { url: 'https://8.8.8.8/hook', filterLanguage: 'eventbridge', filter: PATTERN }
  const answer = await api.call('POST', ENDPOINTS, { body })
  expect(answer.body).toMatchObject({ events: ['*'], source: '*', filterLanguage: 'eventbridge', filter: PATTERN })
  const path = `${ENDPOINTS}/${answer.body['id']}`
  const refused = await api.call('PATCH', path, { body: { filter: OWN } })
  expect([refused.status, readPointers(refused)]).toEqual([422, ['/filter/state/0/$startsWith unknown_operator']])
  const changed = await api.call('PATCH', path, { body: { filter: OWN, filterLanguage: 'signalbox' } })
  expect(changed.body).toMatchObject({ filterLanguage: 'signalbox', filter: OWN, events: ['*'] })
  const back = await api.call('PATCH', path, { body: { filterLanguage: 'eventbridge' } })
  expect([back.status, readPointers(back)]).toEqual([422, ['/filterLanguage stored_filter_invalid']])
  const cleared = await api.call('PATCH', path, { body: { filterLanguage: 'eventbridge', filter: null } })
  expect([cleared.status, readPointers(cleared)]).toEqual([422, ['/filter pattern_missing']])
  const { filter: _, ...patternless } = body
  const all = await api.call('POST', ENDPOINTS, { body: patternless })
  expect([all.status, all.body['detail']]).toEqual([422, '/filter: A pattern is missing: give the pattern as `filter`'])
  const plain = await api.call('POST', ENDPOINTS, { body: { url: 'https://8.8.8.8/hook' } })
  expect([plain.status, readPointers(plain)]).toEqual([422, ['/events invalid_type']])
})

test('a pattern with fields that no event has is taken with a warning, wherever it is shown', async () => {
  const filter = { total: [20], detailType: ['a'] }
  const warning = expect.stringMatching(
    /^`total` is no field of an event; did you mean `detail.total`\? `detailType` .+ `detail-type`\?$/,
  )
  const dispatcher = await post({ filterLanguage: 'eventbridge', payloadFilter: filter })
  expect([dispatcher.status, dispatcher.body['index']]).toMatchObject([201, { warning }])
  const body = { url: 'https://8.8.8.8/hook', filterLanguage: 'eventbridge', filter }
  const endpoint = await api.call('POST', ENDPOINTS, { body })
  expect([endpoint.status, endpoint.body['index']]).toMatchObject([201, { indexed: true, warning }])
  const path = `${ENDPOINTS}/${endpoint.body['id']}`
  expect((await api.call('GET', path)).body['index']).toEqual(endpoint.body['index'])
  const changed = await api.call('PATCH', path, { body: { filter: { detail: { total: [20] } } } })
  expect(changed.body['index']).toMatchObject({ warning: null })
  const tried = { event: { name: 'a', payload: { total: 20 } }, filterLanguage: 'eventbridge', filter }
  expect((await api.call('POST', `${PATH}/test`, { body: tried })).body).toMatchObject({
    matches: false,
    index: { warning },
  })
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`.repeat(99), ['x']]))
  const cut = await post({ filterLanguage: 'eventbridge', payloadFilter: many })
  expect((cut.body['index'] as { warning: string }).warning).toMatch(/There are 4 more such fields\.$/)
})

test('an ephemeral dispatcher waits by a pattern; another language is another wish', async () => {
  const body = {
    url: 'http://127.0.0.1:4012/once',
    filterLanguage: 'eventbridge',
    filter: { detail: { id: ['pay_1'] } },
  }
  const create = (change: object = {}): Promise<ApiAnswer> =>
    api.call('POST', `${PATH}/ephemeral`, { body: { ...body, ...change } })
  const first = await create()
  expect(first.status).toBe(200)
  const shown = await api.call('GET', `${PATH}/${first.body['id']}`)
  expect(shown.body).toMatchObject({
    event: ['*'],
    source: '*',
    filterLanguage: 'eventbridge',
    payloadFilter: body.filter,
  })
  expect((await create()).body).toEqual({ id: first.body['id'] })
  expect((await create({ filterLanguage: 'signalbox', name: '*', source: '*' })).status).toBe(409)
  const refused = await create({ url: 'http://127.0.0.1:4012/other', filter: OWN })
  expect([refused.status, readPointers(refused)]).toEqual([422, ['/filter/state/0/$startsWith unknown_operator']])
  const all = await create({ url: 'http://127.0.0.1:4012/other', filter: null })
  expect([all.status, readPointers(all)]).toEqual([422, ['/filter pattern_missing']])
})

describe('trying an event', () => {
  const attempt = (body: object): Promise<ApiAnswer> => api.call('POST', `${PATH}/test`, { body })
  const event = {
    id: 'evt-1',
    name: 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    timestamp: '2026-11-20T17:30:00.987Z',
    accountId: 'acme',
    payload: { state: 'running', tags: [{ k: 'a', v: 1 }] },
  }
  const whole = {
    version: ['0'],
    id: ['evt-1'],
    'detail-type': ['EC2 Instance State-change Notification'],
    source: [{ suffix: 'ec2' }],
    account: ['acme'],
    time: ['2026-11-20T17:30:00Z'],
    region: [''],
    resources: [{ exists: false }],
    detail: { state: ['running'] },
  }

  test('on a pattern: it sees the whole envelope', async () => {
    const answer = await attempt({ event, filterLanguage: 'eventbridge', filter: whole })
    expect(answer.body).toMatchObject({ matches: true, explanation: [] })
    for (const key of Object.keys(whole)) {
      const filter = { ...whole, [key]: [null] }
      const failed = await attempt({ event, filterLanguage: 'eventbridge', filter })
      expect(failed.body).toMatchObject({ matches: false, explanation: [{ pointer: `/${key}`, path: `/${key}` }] })
    }
  })

  test('on a pattern: the first condition that fails is named, with its places', async () => {
    const filter = { detail: { tags: { k: ['a'], v: [{ numeric: ['>', 1, '<', 5] }] } } }
    const answer = await attempt({ event, filterLanguage: 'eventbridge', filter })
    expect(answer.body).toMatchObject({
      matches: false,
      explanation: [
        {
          condition: 'payloadFilter',
          message: 'event/detail/tags/0/v: expected a number greater than 1 and a number less than 5',
          pointer: '/detail/tags/v',
          path: '/detail/tags/0/v',
          expected: 'a number greater than 1 and a number less than 5',
          actual: 1,
        },
      ],
    })
  })

  test('an event without id, time and account', async () => {
    const year = String(new Date().getUTCFullYear())
    const filter = { id: [''], account: [''], time: [{ prefix: year }], source: ['trigger.dev'] }
    expect((await attempt({ event: {}, filterLanguage: 'eventbridge', filter })).body).toMatchObject({ matches: true })
  })

  test('on a dispatcher with a pattern', async () => {
    const dispatcherId = await make({ filterLanguage: 'eventbridge', payloadFilter: PATTERN })
    expect((await attempt({ dispatcherId, event })).body).toMatchObject({ matches: true, explanation: [] })
    const failed = await attempt({ dispatcherId, event: { ...event, payload: { state: 'initializing' } } })
    expect(failed.body).toMatchObject({
      explanation: [{ condition: 'payloadFilter', pointer: '/detail/state', actual: 'initializing' }],
    })
  })

  test('refused: a filter that is no pattern, a language beside a dispatcher', async () => {
    const refused = await attempt({ event, filterLanguage: 'eventbridge', filter: OWN })
    expect([refused.status, readPointers(refused)]).toEqual([422, ['/filter/state/0/$startsWith unknown_operator']])
    const dispatcherId = '0191d7c8-0000-7000-8000-000000000001'
    const beside = await attempt({ dispatcherId, event, filterLanguage: 'eventbridge' })
    expect([beside.status, readPointers(beside)]).toEqual([422, ['/dispatcherId ambiguous']])
    const misnamed = await attempt({ event, filterLanguage: 'eventbridge', eventPattern: PATTERN })
    expect([misnamed.status, readPointers(misnamed)]).toEqual([
      422,
      ['/eventPattern unknown_key', '/filter pattern_missing'],
    ])
  })
})

test('events reach the dispatchers whose patterns they match, and an explanation of a sent event says why', async () => {
  const detail = { order: [{ exists: true }], lines: { sku: [{ wildcard: 'book-*' }], count: [{ numeric: ['>', 1] }] } }
  const wanted = await make({ filterLanguage: 'eventbridge', payloadFilter: { account: ['acme'], detail } })
  const other = await make({ filterLanguage: 'eventbridge', payloadFilter: { 'detail-type': ['other'], detail } })
  const payload = {
    order: 7,
    lines: [
      { sku: 'pen', count: 3 },
      { sku: 'book-1', count: 2 },
    ],
  }
  const event = { name: 'shop.ordered', source: 'com.shop', payload }
  expect((await api.call('POST', '/api/v1/accounts', { body: { identifier: 'acme' } })).status).toBe(201)
  const sent = await api.call('POST', '/api/v1/events', { body: { event, options: { accountId: 'acme' } } })
  const eventId = String(sent.body['id'])
  await deliverAsWorker(api, [eventId])
  const { body } = await api.call('GET', `/api/v1/events/${eventId}/deliveries?explain=true`)
  const candidates = body['candidates'] as Record<string, unknown>[]
  const find = (id: string): unknown => candidates.find(({ dispatcherId }) => dispatcherId === id)
  expect(find(wanted)).toMatchObject({ matches: true, hasDelivery: true })
  expect(find(other)).toMatchObject({
    matches: false,
    hasDelivery: false,
    condition: 'payloadFilter',
    message: 'event/detail-type: expected "other"',
    actual: 'shop.ordered',
  })
})
