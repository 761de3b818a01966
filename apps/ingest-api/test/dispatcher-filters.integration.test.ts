import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createDispatcherMaker, type DispatcherMaker, DISPATCHERS_PATH } from './make-dispatchers.js'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi
let wish: DispatcherMaker['wish']
let post: DispatcherMaker['post']
let makeDispatcher: DispatcherMaker['makeDispatcher']

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

beforeEach(async () => {
  ;({ wish, post, makeDispatcher } = await createDispatcherMaker(api))
})

const UNKNOWN_ID = '0191d7c8-0000-7000-8000-000000000001'

describe('what finds the filters', () => {
  const show = async (id: string): Promise<unknown> =>
    (await api.call('GET', `${DISPATCHERS_PATH}/${id}`)).body['index']

  test('is shown when one is made, changed and read', async () => {
    const made = await post(
      wish({ payloadFilter: { $or: [{ id: ['o_1'] }, { shop: { 'a/b': [{ $startsWith: 'x' }] } }] } }),
    )
    expect(made.body['index']).toEqual({
      indexed: true,
      conditions: [
        { filter: 'payloadFilter', pointer: '/$or/0/id', operator: 'literals' },
        { filter: 'payloadFilter', pointer: '/$or/1/shop/a~1b/0/$startsWith', operator: '$startsWith' },
      ],
      warning: null,
    })
    const id = made.body['id'] as string
    expect(await show(id)).toEqual(made.body['index'])
    const body = { payloadFilter: { total: [{ $gt: 5 }] }, contextFilter: { shop: ['utrecht'] } }
    const changed = await api.call('PATCH', `${DISPATCHERS_PATH}/${id}`, { body })
    const ofContext = { filter: 'contextFilter', pointer: '/shop', operator: 'literals' }
    expect(changed.body['index']).toEqual({ indexed: true, conditions: [ofContext], warning: null })
    expect(await show(id)).toEqual(changed.body['index'])
    const disabled = await api.call('POST', `${DISPATCHERS_PATH}/${id}/disable`)
    expect(disabled.body['index']).toEqual(changed.body['index'])
  })

  test('a pattern of EventBridge is found by what it asks of the envelope', async () => {
    const payloadFilter = { source: ['aws.s3'], detail: { bucket: { name: [{ prefix: 'invoices-2026' }] } } }
    const id = await makeDispatcher({ event: undefined, filterLanguage: 'eventbridge', payloadFilter })
    const ofBucket = { filter: 'payloadFilter', pointer: '/detail/bucket/name/0/prefix', operator: 'prefix' }
    expect(await show(id)).toEqual({ indexed: true, conditions: [ofBucket], warning: null })
  })

  test('a filter that only says what must not be there is warned of', async () => {
    const id = await makeDispatcher({ source: 'shop', accountId: 'one', payloadFilter: { a: [{ $exists: false }] } })
    expect(await show(id)).toEqual({
      indexed: false,
      conditions: [
        { filter: null, pointer: '/accountId', operator: 'literals' },
        { filter: null, pointer: '/source', operator: 'literals' },
      ],
      warning: expect.stringContaining("tried on every event of the dispatcher's names, account and source"),
    })
  })

  test('a weak condition is warned of, and no filter is not', async () => {
    const weak = await makeDispatcher({ source: '*', payloadFilter: { paid: [true] } })
    expect(await show(weak)).toMatchObject({
      indexed: true,
      warning: expect.stringContaining('/paid of payloadFilter'),
    })
    const open = await makeDispatcher({ source: '*' })
    expect(await show(open)).toEqual({ indexed: true, conditions: [], warning: null })
  })

  test('is part of a dry run, of filters and of a dispatcher', async () => {
    const attempt = (body: object) =>
      api.call('POST', `${DISPATCHERS_PATH}/test`, { body: { event: { name: 'a' }, ...body } })
    const filter = { $or: [{ a: ['x'] }, { $nor: [{ b: ['y'] }] }] }
    const ofFilter = await attempt({ filter })
    expect(ofFilter.body['index']).toEqual({
      indexed: false,
      conditions: [],
      warning: expect.stringContaining('The alternative /$or/1 of payloadFilter'),
    })
    const ofNothing = await attempt({})
    expect(ofNothing.body['index']).toEqual({ indexed: true, conditions: [], warning: null })
    const dispatcherId = await makeDispatcher({ payloadFilter: filter })
    expect((await attempt({ dispatcherId })).body['index']).toEqual(await show(dispatcherId))
  })
})

describe('trying an event', () => {
  const attempt = (body: object): Promise<ApiAnswer> => api.call('POST', `${DISPATCHERS_PATH}/test`, { body })

  test('on filters: the first condition that fails, with its paths', async () => {
    const event = { name: 'x', payload: { customer: { country: 'US' } }, context: { a: 1 } }
    const filter = { customer: { country: ['DE', 'FR'] } }
    const failed = await attempt({ event, filter, contextFilter: { a: [2] } })
    expect(failed.status).toBe(200)
    expect(failed.body).toMatchObject({
      matches: false,
      explanation: [
        { condition: 'payloadFilter', pointer: '/customer/country', path: '/customer/country', actual: 'US' },
        { condition: 'contextFilter', pointer: '/a', path: '/a', actual: 1 },
      ],
    })
    const matching = await attempt({ event, filter: { customer: { country: ['US'] } }, contextFilter: { a: [1] } })
    expect(matching.body).toMatchObject({ matches: true, explanation: [] })
    expect((await attempt({ event: {} })).body).toMatchObject({ matches: true, explanation: [] })
    expect((await attempt({ event: {}, filter: { a: [{ $exists: false }] } })).body).toMatchObject({ matches: true })
    expect((await attempt({ event: { payload: null }, filter: { a: ['x'] } })).body).toMatchObject({ matches: false })
  })

  test('on a request payload, readable or not', async () => {
    const payload = { url: 'u', method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' }
    const event = { payload, payloadType: 'REQUEST' }
    expect((await attempt({ event, filter: { body: { a: [1] } } })).body).toMatchObject({ matches: true })
    const broken = await attempt({ event: { ...event, payload: { ...payload, body: '{' } }, filter: { body: {} } })
    expect(broken.body).toMatchObject({ matches: false, explanation: [{ condition: 'payload' }] })
  })

  test('on a dispatcher: every condition is named', async () => {
    const dispatcherId = await makeDispatcher({
      event: ['order.*'],
      source: 'shop',
      accountId: 'one',
      manual: true,
      enabled: false,
      payloadFilter: { total: [{ $gt: 10 }] },
    })
    const failed = await attempt({ dispatcherId, event: { name: 'user.made', payload: { total: 5 } } })
    expect(failed.body['matches']).toBe(false)
    const explanation = failed.body['explanation'] as { condition: string }[]
    expect(explanation.map(({ condition }) => condition)).toEqual([
      'name',
      'source',
      'account',
      'disabled',
      'manual',
      'payloadFilter',
    ])
    await api.call('PATCH', `${DISPATCHERS_PATH}/${dispatcherId}`, { body: { manual: false, enabled: true } })
    const event = { name: 'order.paid', source: 'shop', accountId: 'one', payload: { total: 11 } }
    expect((await attempt({ dispatcherId, event })).body).toMatchObject({ matches: true, explanation: [] })
  })

  test.each<[string, object, number]>([
    ['an invalid filter', { event: {}, filter: { a: 1 } }, 422],
    ['no event', { filter: {} }, 422],
    ['a dispatcher and a filter', { event: { name: 'a' }, dispatcherId: UNKNOWN_ID, filter: {} }, 422],
    ['a dispatcher without a name', { event: {}, dispatcherId: UNKNOWN_ID }, 422],
    ['an unknown dispatcher', { event: { name: 'a' }, dispatcherId: UNKNOWN_ID }, 404],
    ['an id that is none', { event: { name: 'a' }, dispatcherId: 'x' }, 404],
  ])('refused: %s', async (_, body, status) => {
    expect((await attempt(body)).status).toBe(status)
  })

  test('stores nothing', async () => {
    const count = await api.database.prisma.eventRecord.count()
    await attempt({ event: { name: 'x' }, filter: {} })
    expect(await api.database.prisma.eventRecord.count()).toBe(count)
  })
})
