import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type CachedRules, createCachedRules, ids, makeRule, match, scope } from '../test/cached-rules.js'
import type { FakeRules } from '../test/fake-rules.js'
import type { MatcherCache } from './matcher-cache.js'
import type { RuleSet } from './rule-set.js'

let store: FakeRules
let cache: MatcherCache
let told: CachedRules['told']
let createCache: CachedRules['createCache']

beforeEach(() => {
  ;({ store, cache, told, createCache } = createCachedRules())
})

afterEach(() => cache.stop())

test('memory is bounded: the set that was used longest ago goes first, and comes again when it is needed', async () => {
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
  expect(turns).toBeLessThan(5_000)
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
