import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeEvent } from '@signalbox/testkit'
import { type OpenAcceptStore, openAcceptStore } from './open-accept-store.js'

let opened: OpenAcceptStore
let database: OpenAcceptStore['database']
let store: OpenAcceptStore['store']
let scopeOf: OpenAcceptStore['scopeOf']
let scoped: OpenAcceptStore['scoped']
let readRows: OpenAcceptStore['readRows']

beforeAll(async () => {
  opened = await openAcceptStore()
  ;({ database, store, scopeOf, scoped, readRows } = opened)
})

afterEach(() => opened.empty())
afterAll(() => opened?.close())

describe('an idempotency key', () => {
  const keyHash = Buffer.alloc(32, 1)
  const requestHash = Buffer.alloc(32, 2)
  const buildAnswer = (events: { eventId: string }[]) => ({
    status: 200,
    body: events.map((one) => one.eventId).join(),
  })

  function send(eventId: string, more: { keyHash?: Buffer; requestHash?: Buffer; tenant?: 'a' | 'b' } = {}) {
    const { tenant = 'a', ...hashes } = more
    const idempotency = { keyHash, requestHash, buildAnswer, ...hashes }
    return store.acceptRequest([scoped(makeEvent({ eventId }), tenant)], idempotency)
  }

  test('with the same request gives the stored answer, and stores nothing more', async () => {
    expect(await send('x')).toMatchObject({ kind: 'stored' })
    expect(await send('y')).toEqual({ kind: 'replayed', status: 200, body: 'x' })
    expect(await readRows('y')).toEqual([])
  })

  test('with another request is a conflict', async () => {
    await send('x')
    expect(await send('y', { requestHash: Buffer.alloc(32, 9) })).toEqual({ kind: 'conflict' })
    expect(await readRows('y')).toEqual([])
  })

  test('is one of its environment', async () => {
    await send('x')
    expect(await send('x', { tenant: 'b' })).toMatchObject({ kind: 'stored' })
  })

  test('at the same moment is used by one; the others wait and get its answer', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => send(`x${n}`)))
    const stored = outcomes.filter((outcome) => outcome.kind === 'stored')
    expect(stored).toHaveLength(1)
    const replayed = outcomes.filter((outcome) => outcome.kind === 'replayed')
    expect(replayed).toHaveLength(7)
    expect(new Set(replayed.map((outcome) => outcome.body)).size).toBe(1)
    const { rows } = await database.pool.query('select event_id from event_records')
    expect(rows).toEqual([{ event_id: replayed[0]?.body }])
  })

  test('whose request failed is free again', async () => {
    const bad = scoped(makeEvent({ payload: { nul: '\0' } }))
    await expect(store.acceptRequest([bad], { keyHash, requestHash, buildAnswer })).rejects.toThrow()
    expect(await send('x')).toMatchObject({ kind: 'stored' })
  })

  test('that has run out is taken over, by one of many', async () => {
    await send('x')
    await database.pool.query(`update idempotency_keys set expires_at = now() - interval '1 second'`)
    const other = Buffer.alloc(32, 9)
    const outcomes = await Promise.all([1, 2, 3].map((n) => send(`new ${n}`, { requestHash: other })))
    expect(outcomes.map((outcome) => outcome.kind).toSorted()).toEqual(['replayed', 'replayed', 'stored'])
    expect(await send('z')).toEqual({ kind: 'conflict' })
  })
})

describe('accounts', () => {
  const wish = (identifier: string, create: boolean, tenant: 'a' | 'b' = 'a') => ({
    ...scopeOf(tenant),
    identifier,
    create,
  })

  test('are found in the order in which they are wanted, and made only where that is wished', async () => {
    const [made, missing] = await store.resolveAccounts([wish('one', true), wish('two', false)])
    expect(made).toEqual(expect.any(String))
    expect(missing).toBeUndefined()
    expect(await store.resolveAccounts([wish('two', false), wish('one', false), wish('one', true)])).toEqual([
      undefined,
      made,
      made,
    ])
  })

  test('of another tenant are not found', async () => {
    await store.resolveAccounts([wish('theirs', true, 'b')])
    expect(await store.resolveAccounts([wish('theirs', false)])).toEqual([undefined])
  })

  test('made at the same moment, several times in one group and in any order, are one each', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `account ${n}`)
    const wishes = [...names, ...names.toReversed()].map((name) => wish(name, true))
    const answers = await Promise.all([wishes, wishes.toReversed(), wishes].map((list) => store.resolveAccounts(list)))
    expect(answers[1]?.toReversed()).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
    expect(new Set(answers[0]).size).toBe(20)
  })
})
