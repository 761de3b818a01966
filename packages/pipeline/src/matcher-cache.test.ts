import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { DispatcherRule, MatchableEvent, TenantScope } from '@signalbox/domain'
import { createFakeRules, type FakeRules } from '../test/fake-rules.js'
import { createPause } from './create-pause.js'
import { createMatcherCache, type MatcherCache, type MatcherCacheDeps } from './matcher-cache.js'
import type { RuleSet } from './rule-set.js'

// Order alone is tested here, on a store in memory that keeps to its contract; with Postgres it is in tests/e2e.

const ENVIRONMENT = scope('one')
const NOW = new Date('2026-05-01T12:00:00Z')

let store: FakeRules
let cache: MatcherCache
let told: { what: string; of: string; with: unknown }[] = []

beforeEach(() => {
  store = createFakeRules()
  told = []
  cache = createCache()
})

afterEach(() => cache.stop())

function createCache(more: Partial<MatcherCacheDeps> = {}): MatcherCache {
  const tell = (what: string) => (detail: unknown, of: TenantScope) =>
    void told.push({ what, of: of.environmentId, with: detail })
  return createMatcherCache({
    store,
    now: () => NOW,
    pause: createPause(),
    bytesMax: 2 ** 30,
    endedEveryMs: 60_000,
    reports: {
      onRulesUnreadable: tell('unreadable'),
      onRulesUnavailable: tell('unavailable'),
      onRulesTooLarge: tell('too large'),
    },
    ...more,
  })
}

function scope(environmentId: string): TenantScope {
  return { organizationId: 'o', environmentId }
}

function makeRule(id: string, more: Partial<DispatcherRule> = {}): DispatcherRule {
  return {
    id,
    eventNames: ['*'],
    source: '*',
    filterLanguage: 'signalbox',
    payloadFilter: null,
    contextFilter: null,
    externalAccountId: null,
    expiresAt: null,
    once: false,
    ...more,
  }
}

function makeEvent(name = 'x'): MatchableEvent {
  return {
    name,
    source: 's',
    externalAccountId: null,
    payloadType: 'JSON',
    readPayload: () => ({}),
    readContext: () => ({}),
    readEnvelope: () => ({ eventId: 'e', timestamp: NOW, accountIdentifier: null }),
  }
}

function match(set: RuleSet, name?: string): string[] {
  return set.matcher.match(makeEvent(name), NOW).dispatcherIds
}

function ids(count: number, start = 0): string[] {
  return Array.from({ length: count }, (_, index) => String(start + index).padStart(6, '0'))
}

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

describe('memory', () => {
  async function use(name: string, of = cache): Promise<RuleSet> {
    const set = of.take(scope(name))
    expect(await set.catchUp('1')).toBe(true)
    return set
  }

  function fill(name: string, rules: number): void {
    store.change(
      scope(name),
      ids(rules).map((id) => makeRule(id)),
    )
  }

  async function measure(rules: number): Promise<number> {
    fill('measured', rules)
    const before = cache.stats().bytes
    await use('measured')
    return cache.stats().bytes - before
  }

  test('is bounded: the set that was used longest ago goes first, and comes again when it is needed', async () => {
    const bytes = await measure(100)
    const bounded = createCache({ bytesMax: bytes * 2.5 })
    for (const name of ['one', 'two', 'three']) fill(name, 100)
    bounded.release(await use('one', bounded))
    bounded.release(await use('two', bounded))
    bounded.release(await use('one', bounded))
    bounded.release(await use('three', bounded))
    expect(bounded.stats()).toMatchObject({ sets: 2, rules: 200, evictions: 1, loads: 3 })
    bounded.release(await use('one', bounded))
    expect(bounded.stats()).toMatchObject({ loads: 3 })
    const two = await use('two', bounded)
    expect(match(two)).toHaveLength(100)
    expect(bounded.stats()).toMatchObject({ sets: 2, evictions: 2, loads: 4 })
    // What was dropped is free a moment later.
    while (bounded.stats().bytes > bytes * 2.5) await setImmediate()
    await bounded.stop()
  })

  test('a set in use is not taken from under anyone', async () => {
    const bytes = await measure(100)
    const bounded = createCache({ bytesMax: bytes * 1.5 })
    for (const name of ['one', 'two']) fill(name, 100)
    const one = await use('one', bounded)
    const two = await use('two', bounded)
    expect(bounded.stats()).toMatchObject({ sets: 2, evictions: 0 })
    bounded.release(one)
    expect(bounded.stats()).toMatchObject({ sets: 1, evictions: 1 })
    expect(match(two)).toHaveLength(100)
    await bounded.stop()
  })

  test('a set that alone takes more than all may is served, and told of', async () => {
    const bytes = await measure(100)
    const bounded = createCache({ bytesMax: bytes / 2 })
    fill('one', 100)
    const one = await use('one', bounded)
    expect(match(one)).toHaveLength(100)
    expect(told).toEqual([{ what: 'too large', of: 'one', with: expect.any(Number) }])
    bounded.release(one)
    expect(bounded.stats().sets).toBe(0)
    await bounded.stop()
  })

  test('what sets share is free again when those that needed it are gone', async () => {
    const bounded = createCache({ bytesMax: 1 })
    const before = bounded.stats().bytes
    const shapes = ids(50).map((id) => makeRule(id, { payloadFilter: { [`key ${id}`]: { inner: ['a'] } } as never }))
    store.change(scope('one'), shapes)
    const set = await use('one', bounded)
    expect(bounded.stats().bytes).toBeGreaterThan(before)
    bounded.release(set)
    while (bounded.stats().bytes > before) await setImmediate()
    expect(bounded.stats()).toMatchObject({ sets: 0, bytes: before })
    await bounded.stop()
  })

  /** Five sets that share nothing; gives the bytes of four of them, and of all. */
  async function fillFive(names: string[]): Promise<[number, number]> {
    for (const name of names) {
      store.change(
        scope(name),
        ids(1_500).map((id) => makeRule(id, { payloadFilter: { [`${name} ${id}`]: { inner: [id] } } as never })),
      )
    }
    const unbounded = createCache()
    const sums: number[] = []
    for (const name of names) {
      unbounded.release(await use(name, unbounded))
      sums.push(unbounded.stats().bytes)
    }
    await unbounded.stop()
    const [four = 0, all = 0] = sums.slice(3)
    return [four, all]
  }

  test('what is dropped counts until it is free, and no more is dropped than that makes necessary', async () => {
    const names = ['one', 'two', 'three', 'four', 'five']
    const [four, all] = await fillFive(names)
    // All but the last bit of the fifth has room.
    const bytesMax = all - (all - four) * 0.05
    const bounded = createCache({ bytesMax })
    for (const name of names.slice(0, 4)) bounded.release(await use(name, bounded))
    expect(bounded.stats()).toMatchObject({ sets: 4, evictions: 0 })
    const five = await use('five', bounded)
    expect(bounded.stats()).toMatchObject({ sets: 4, evictions: 1 })
    expect(bounded.stats().bytes).toBeGreaterThan(bytesMax)
    while (bounded.stats().bytes > bytesMax) await setImmediate()
    expect(bounded.stats()).toMatchObject({ sets: 4, evictions: 1 })
    bounded.release(five)
    await bounded.stop()
  })

  test('what is dropped is free soon while there is too little, however busy the worker is', async () => {
    const names = ['one', 'two', 'three', 'four', 'five']
    const [four, all] = await fillFive(names)
    const bytesMax = four + (all - four) * 0.05
    const bounded = createCache({ bytesMax })
    for (const name of names.slice(0, 4)) bounded.release(await use(name, bounded))
    const five = await use('five', bounded)
    // A set in use makes the worker busy: with a pause after each piece there would be tens of thousands of turns.
    let turns = 0
    for (; bounded.stats().bytes > bytesMax; turns += 1) await setImmediate()
    expect(turns).toBeLessThan(1_000)
    bounded.release(five)
    await bounded.stop()
  })

  test('loads that together take more than all may end one after another; a small one does not wait for them', async () => {
    const bytes = await measure(3_000)
    const bounded = createCache({ bytesMax: bytes })
    const names = ['one', 'two', 'three', 'four']
    for (const name of names) fill(name, 6_000)
    fill('small', 3)
    const ended: string[] = []
    const peaks: number[] = []
    store.beforeEach(() => void peaks.push(bounded.stats().bytes))
    const load = async (name: string): Promise<void> => {
      const set = await use(name, bounded)
      ended.push(name)
      bounded.release(set)
    }
    const big = Promise.all(names.map(load))
    await setImmediate()
    await load('small')
    await big
    expect(ended[0]).toBe('small')
    expect(ended).toHaveLength(5)
    // The bound, one set beyond it, and a page of each of the others.
    expect(Math.max(...peaks)).toBeLessThan(bytes * 4.5)
    await bounded.stop()
  })
})
