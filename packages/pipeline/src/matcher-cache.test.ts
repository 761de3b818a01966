import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { DispatcherRule } from '@signalbox/domain'
import { type CachedRules, createCachedRules, ids, makeRule, match, NOW, scope } from '../test/cached-rules.js'
import type { FakeRules } from '../test/fake-rules.js'
import type { MatcherCache } from './matcher-cache.js'

// Order alone is tested here, on a store in memory that keeps to its contract; with Postgres it is in tests/e2e.

const ENVIRONMENT = scope('one')

let store: FakeRules
let cache: MatcherCache
let told: CachedRules['told']

beforeEach(() => {
  ;({ store, cache, told } = createCachedRules())
})

afterEach(() => cache.stop())

describe('loading', () => {
  test('in pages; what moves while they are read is there in the end', async () => {
    store.change(
      ENVIRONMENT,
      ids(500).map((id) => makeRule(id)),
    )
    store.before('page', 2, () => {
      // Behind what was read already, in it, and ahead of it.
      store.change(ENVIRONMENT, [makeRule('000000a')])
      store.change(ENVIRONMENT, [makeRule('000001', { eventNames: ['other'] })])
      store.remove(ENVIRONMENT, ['000002', '000499'])
    })
    const set = cache.take(ENVIRONMENT)
    expect(set.serves('1')).toBe(false)
    expect(await set.catchUp('1')).toBe(true)
    expect(store.calls).toEqual(['page', 'page', 'page', 'changes'])
    expect(set.matcher.size).toBe(499)
    expect(match(set).slice(0, 3)).toEqual(['000000', '000000a', '000003'])
    expect(set.serves('4')).toBe(true)
    expect(set.serves('5')).toBe(false)
  })

  test('a set of one page needs one query', async () => {
    store.change(ENVIRONMENT, [makeRule('a')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    expect(store.calls).toEqual(['page'])
  })

  test('an environment that never had a dispatcher is at version 0', async () => {
    const set = cache.take(ENVIRONMENT)
    expect(set.serves('0')).toBe(false)
    expect(await set.catchUp('0')).toBe(true)
    expect(match(set)).toEqual([])
  })

  test('one that fails is told once, whoever waited, and is gone on with the next time', async () => {
    store.change(
      ENVIRONMENT,
      ids(500).map((id) => makeRule(id)),
    )
    store.before('page', 2, () => {
      throw new Error('gone')
    })
    const set = cache.take(ENVIRONMENT)
    expect(await Promise.all([set.catchUp('1'), set.catchUp('1')])).toEqual([false, false])
    expect(told.map(({ what }) => what)).toEqual(['unavailable'])
    expect(set.serves('0')).toBe(false)
    // In what was read already.
    store.remove(ENVIRONMENT, ['000001'])
    expect(await set.catchUp('2')).toBe(true)
    expect(store.calls).toEqual(['page', 'page', 'page', 'changes'])
    expect([set.matcher.size, cache.stats().loads]).toEqual([499, 1])
  })

  test('one that fails at its end is gone on with there', async () => {
    store.change(
      ENVIRONMENT,
      ids(300).map((id) => makeRule(id)),
    )
    store.before('changes', 1, () => {
      throw new Error('gone')
    })
    const set = cache.take(ENVIRONMENT)
    expect(await set.catchUp('1')).toBe(false)
    expect(await set.catchUp('1')).toBe(true)
    expect(store.calls).toEqual(['page', 'page', 'changes'])
    expect(set.matcher.size).toBe(300)
  })

  test('a large set is begun anew as one', async () => {
    store.change(
      ENVIRONMENT,
      ids(2_500).map((id) => makeRule(id)),
    )
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    expect(store.calls.filter((call) => call === 'page')).toHaveLength(10 + 13)
    expect([set.matcher.size, cache.stats().loads]).toEqual([2_500, 1])
    expect(match(set)).toHaveLength(2_500)
  })

  test('many that load take turns page by page', async () => {
    const order: string[] = []
    for (const name of ['one', 'two', 'three']) {
      store.change(
        scope(name),
        ids(4_500).map((id) => makeRule(id)),
      )
    }
    store.change(scope('small'), [makeRule('a')])
    store.beforeEach((_, of) => void order.push(of))
    const all = ['one', 'two', 'three', 'small'].map((name) => cache.take(scope(name)))
    await Promise.all(all.map((set) => set.catchUp('1')))
    // The last in the row had its turn before anyone had three.
    expect(order.slice(0, order.indexOf('small')).length).toBeLessThan(7)
  })

  test('ends when the worker stops', async () => {
    store.change(
      ENVIRONMENT,
      ids(5_000).map((id) => makeRule(id)),
    )
    const catchingUp = cache.take(ENVIRONMENT).catchUp('1')
    await cache.stop()
    expect(await catchingUp).toBe(false)
    expect(told).toEqual([])
  })
})

describe('a change', () => {
  test('is applied as what it is, once for all who need it', async () => {
    store.change(
      ENVIRONMENT,
      ids(5).map((id) => makeRule(id)),
    )
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.change(ENVIRONMENT, [makeRule('000009')])
    store.remove(ENVIRONMENT, ['000000'])
    store.calls.length = 0
    await Promise.all([set.catchUp('3'), set.catchUp('2'), set.catchUp('3')])
    expect(store.calls).toEqual(['changes'])
    expect(match(set)).toEqual(['000001', '000002', '000003', '000004', '000009'])
    expect(cache.stats()).toMatchObject({ loads: 1, refreshes: 1 })
  })

  test('that came after the reading for another is read for', async () => {
    store.change(ENVIRONMENT, [makeRule('a')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.change(ENVIRONMENT, [makeRule('b')])
    const first = set.catchUp('2')
    await setImmediate()
    store.change(ENVIRONMENT, [makeRule('c')])
    expect(await set.catchUp('3')).toBe(true)
    expect(await first).toBe(true)
    expect(match(set)).toEqual(['a', 'b', 'c'])
  })

  test('half applied is met by no event, not even by one that needs none of it', async () => {
    store.change(
      ENVIRONMENT,
      ids(1_200).map((id) => makeRule(id, { eventNames: ['old'] })),
    )
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.change(
      ENVIRONMENT,
      ids(1_200).map((id) => makeRule(id, { eventNames: ['new'] })),
    )
    const seen: boolean[] = []
    store.before('changes', 2, () => void seen.push(set.serves('1'), set.serves('2')))
    await set.catchUp('2')
    expect(seen).toEqual([false, false])
    expect([match(set, 'old').length, match(set, 'new').length]).toEqual([0, 1_200])
  })

  test('that was pruned makes everything be loaded anew', async () => {
    store.change(ENVIRONMENT, [makeRule('a'), makeRule('b')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.remove(ENVIRONMENT, ['a'])
    store.prune(ENVIRONMENT)
    store.change(ENVIRONMENT, [makeRule('c')])
    store.calls.length = 0
    expect(await set.catchUp('3')).toBe(true)
    expect(store.calls).toEqual(['changes', 'page'])
    expect(match(set)).toEqual(['b', 'c'])
    expect(cache.stats().loads).toBe(2)
  })

  test('that the store does not have, though it was seen, is not waited for without end', async () => {
    const set = cache.take(ENVIRONMENT)
    expect(await set.catchUp('7')).toBe(false)
    expect(told.map(({ what }) => what)).toEqual(['unavailable'])
  })
})

describe('a rule that can not be read', () => {
  const broken = { $or: 5 } as unknown as DispatcherRule['payloadFilter']

  test('holds up the names that it covers until it can be read or is gone, and is told once', async () => {
    store.change(ENVIRONMENT, [makeRule('a'), makeRule('b', { eventNames: ['b*', 'c'], payloadFilter: broken })])
    const set = cache.take(ENVIRONMENT)
    expect(await set.catchUp('1')).toBe(true)
    expect(['b', 'bb', 'c', 'a', 'cc'].filter((name) => set.holdsUp(name))).toEqual(['b', 'bb', 'c'])
    expect(match(set, 'a')).toEqual(['a'])
    await set.catchUp('1')
    expect(told.map(({ what }) => what)).toEqual(['unreadable'])
    store.change(ENVIRONMENT, [makeRule('z')])
    await set.catchUp('2')
    expect(told).toHaveLength(1)
    store.change(ENVIRONMENT, [makeRule('b', { eventNames: ['b*'] })])
    await set.catchUp('3')
    expect([set.holdsUp('b'), match(set, 'b')]).toEqual([false, ['a', 'b', 'z']])
  })

  test('that could be read before is not matched in its old form', async () => {
    store.change(ENVIRONMENT, [makeRule('a')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.change(ENVIRONMENT, [makeRule('a', { payloadFilter: broken })])
    await set.catchUp('2')
    expect([set.holdsUp('x'), match(set)]).toEqual([true, []])
    store.remove(ENVIRONMENT, ['a'])
    await set.catchUp('3')
    expect(set.holdsUp('x')).toBe(false)
  })
})

describe('rules on which matching has thrown', () => {
  test('serve nobody until they are loaded anew, also when they are being changed at the time', async () => {
    store.change(ENVIRONMENT, [makeRule('a'), makeRule('b')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.change(ENVIRONMENT, [makeRule('c')])
    const seen: boolean[] = []
    store.before('changes', 1, () => {
      set.distrust()
      seen.push(set.serves('1'))
    })
    expect(await set.catchUp('2')).toBe(true)
    expect(seen).toEqual([false])
    expect(match(set)).toEqual(['a', 'b', 'c'])
    expect(store.calls).toEqual(['page', 'changes', 'page'])
  })

  test('are not loaded again and again, where that does not help', async () => {
    store.change(ENVIRONMENT, [makeRule('a')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    set.distrust()
    await set.catchUp('1')
    set.distrust()
    expect(set.serves('1')).toBe(true)
    expect(cache.stats().loads).toBe(2)
  })
})

describe('dispatchers that have ended', () => {
  test('leave memory when they are looked for, and what was used up here at once', async () => {
    store.change(
      ENVIRONMENT,
      ['a', 'b', 'c'].map((id) => makeRule(id, { once: true })),
    )
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    set.forget(['b'])
    expect(match(set)).toEqual(['a', 'c'])
    store.end(ENVIRONMENT, ['a'], NOW)
    await set.dropEnded()
    expect(match(set)).toEqual(['c'])
    expect(set.serves('1')).toBe(true)
  })

  test('that can not be looked for keep nobody from newer rules', async () => {
    store.change(ENVIRONMENT, [makeRule('a')])
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.before('ended', 1, () => {
      throw new Error('gone')
    })
    const dropping = set.dropEnded()
    store.change(ENVIRONMENT, [makeRule('b')])
    expect(await Promise.all([set.catchUp('2'), set.catchUp('2')])).toEqual([true, true])
    await dropping
    expect(match(set)).toEqual(['a', 'b'])
    expect(told.map(({ what }) => what)).toEqual(['unavailable'])
    expect(store.calls).toEqual(['page', 'changes'])
  })

  test('are all found, however many ended at one time', async () => {
    const all = ids(5_000)
    store.change(
      ENVIRONMENT,
      all.map((id) => makeRule(id, { once: true })),
    )
    const set = cache.take(ENVIRONMENT)
    await set.catchUp('1')
    store.end(ENVIRONMENT, all.slice(0, 999), NOW)
    for (const id of all.slice(999, 4_990)) store.end(ENVIRONMENT, [id], new Date(NOW.getTime() + Number(id)))
    await set.dropEnded()
    expect(match(set)).toEqual(all.slice(4_990))
  })
})
