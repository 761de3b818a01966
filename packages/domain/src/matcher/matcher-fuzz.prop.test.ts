import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  drawSet,
  NOW_MS,
  SET_STYLES,
  toMatchable,
  type EventCase,
  type SetStyle,
} from '../../test/matcher/draw-rules.js'
import { makeEventCase, makeFilter, makeRule, makeRules } from '../../test/matcher/make-rules.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom } from '../../test/matcher/random.js'
import { matchEvent, settle } from '../../test/matcher/run-operations.js'
import type { DispatcherRule } from '../dispatcher.js'
import { countNodes } from '../filter/count-steps.js'
import { createWorkBudget, EVENT_STEPS_MAX, type Filter, FilterTooExpensiveError } from '../filter/index.js'
import type { Json } from '../json.js'
import type { EventMatcher, MatchResult } from './index.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

const NOW = new Date(NOW_MS)

/**
 * Look-ups that one event may take, whatever stands in it and in the filters: those that it pays for with steps, and a
 * few for each of the ways in which filters are looked up.
 */
const PROBES_MAX = EVENT_STEPS_MAX

/** What a hostile match did: its answer or undefined when it was too expensive, and the work that it took. */
interface Bounded {
  readonly ids: string[] | undefined
  readonly steps: number
  readonly candidates: number
  readonly probes: number
}

/** Matches with the budget that every event has; the work must be within its bounds, and the answer right. */
function matchBounded(matcher: EventMatcher, event: EventCase): Bounded {
  const before = matcher.stats()
  const budget = createWorkBudget()
  let result: MatchResult | undefined
  try {
    result = matcher.match(toMatchable(event, { budget }), NOW)
  } catch (error) {
    if (!(error instanceof FilterTooExpensiveError)) throw error
  }
  const after = matcher.stats()
  const bounded = {
    ids: result?.dispatcherIds,
    steps: EVENT_STEPS_MAX - budget.stepsLeft,
    candidates: after.candidates - before.candidates,
    probes: after.probes - before.probes,
  }
  expect(bounded.probes).toBeLessThanOrEqual(PROBES_MAX)
  expect(bounded.candidates).toBeLessThanOrEqual(EVENT_STEPS_MAX)
  return bounded
}

const tunings = Object.entries(TUNINGS)

/** Far longer than any of this takes on a slow machine. Jest can't end what never waits; it is told afterwards. */
const STALL_MS = 60_000

let startedAtMs = 0
beforeEach(() => {
  startedAtMs = performance.now()
})
afterEach(() => {
  expect(performance.now() - startedAtMs).toBeLessThan(STALL_MS)
})

describe('hostile filters', () => {
  test.each(tunings)('filters as deep as they may be, on events much deeper: %s', (_, tuning) => {
    const nest = (key: (level: number) => string, depth: number, inner: Json): Json =>
      Array.from({ length: depth }).reduce<Json>((value, __, level) => ({ [key(level)]: value }), inner)
    const words = ['$or', '$nor', '$and']
    const alternate = Array.from({ length: 15 }).reduce<Json>(
      (value, __, level) => ({ [words[level % 3] ?? '']: [value, { b: [level] }] }),
      { a: ['x'] },
    )
    const filters = [
      nest(() => 'a', 15, { a: ['x'] }),
      nest((level) => (level % 2 === 0 ? 'a' : '__proto__'), 15, { a: ['x'] }),
      nest(() => 'a', 15, { a: [{ $exists: false }] }),
      alternate,
      ...Array.from({ length: 100 }, (__, index) => nest(() => 'a', index % 15, { a: [`x${index}`] })),
    ]
    const rules = makeRules(filters)
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    const deepObject = nest(() => 'a', 20_000, 'x')
    let deepArray: Json = { a: 'x' }
    for (let depth = 0; depth < 20_000; depth += 1) deepArray = [deepArray]
    const payloads = [
      ...[0, 1, 14, 15, 16].map((depth) => nest(() => 'a', depth, { a: 'x' })),
      nest((level) => (level % 2 === 0 ? 'a' : '__proto__'), 15, { a: 'x' }),
      deepObject,
      deepArray,
      { a: deepArray },
      nest(() => 'a', 10, { a: deepArray }),
    ]
    for (const payload of payloads) {
      const event = makeEventCase({ payload })
      expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      matchBounded(matcher, event)
    }
  })

  test.each(tunings)('filters of a thousand conditions and of ten thousand literals: %s', (_, tuning) => {
    const keys = Array.from({ length: 999 }, (__, index) => index)
    const numbers = Array.from({ length: 10_000 }, (__, index) => index)
    const filters: Json[] = [
      Object.fromEntries(keys.map((index) => [`k${index}`, [index]])),
      { $or: keys.map((index) => ({ [`k${index}`]: [index] })) },
      { $or: keys.map((index) => ({ same: [{ $gt: index * 1_000 }] })) },
      { $nor: keys.map((index) => ({ [`k${index}`]: [index] })) },
      { $and: keys.map((index) => ({ $nor: [{ [`k${index}`]: [-1] }] })).slice(0, 900) },
      { same: numbers },
      { same: [{ $anythingBut: numbers }] },
      { a: numbers.slice(0, 2_000), b: numbers.slice(0, 2_000), c: numbers.slice(0, 2_000), d: [1] },
      {
        $and: keys.slice(0, 100).map((index): Json => ({ $or: [{ a: [index] }, { b: [{ $lt: index }] }, { c: [1] }] })),
      },
      { same: [{ $equals: numbers.slice(0, 5_000) }] },
      { same: [{ $contains: numbers.slice(0, 5_000) }] },
      { same: [{ $contains: numbers.slice(0, 900).map((index) => ({ k: index })) }] },
    ]
    const rules = makeRules(filters)
    const empty = createTunedMatcher(tuning).stats().bytes
    for (const rule of rules) {
      const alone = createTunedMatcher(tuning, [rule, { ...rule, id: 'again' }])
      settle(alone)
      // Memory stays in proportion to what was written, whatever a cross product would make of it.
      const written = JSON.stringify(rule.payloadFilter).length
      expect(alone.stats().bytes - empty).toBeLessThan(20_000 + written * 100)
    }
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    const payloads: Json[] = [
      Object.fromEntries(keys.map((index) => [`k${index}`, index])),
      { k998: 998, same: 500 },
      { same: 9_999, a: 1, b: 1, c: 1, d: 1 },
      { same: -1, a: 99, b: -5 },
      { same: numbers.slice(0, 5_000) },
      { same: numbers.slice(0, 900).map((index) => ({ k: index })) },
      {},
      null,
    ]
    for (const payload of payloads) {
      const event = makeEventCase({ payload })
      expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      matchBounded(matcher, event)
    }
  })

  test.each(tunings)('nothing but negations: every filter is tried, and paid for: %s', (_, tuning) => {
    const filters = Array.from({ length: 4_000 }, (__, index): Json => {
      const literal = `x${index}`
      const kinds: Json[] = [
        { a: [{ $anythingBut: literal }] },
        { a: [{ $not: literal }] },
        { $nor: [{ a: [literal] }] },
        { a: [{ $exists: false }], b: [{ $anythingBut: index }] },
        { $nor: [{ a: { b: [{ $exists: false }] } }, { a: [literal] }] },
      ]
      return kinds[index % kinds.length] ?? null
    })
    const rules = makeRules(filters)
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    const payloads: Json[] = [
      { a: 'x7' },
      {},
      { a: [] },
      { a: ['x7'] },
      { a: { b: 1 } },
      { a: [{ b: 1 }, {}] },
      null,
      [],
    ]
    for (const payload of payloads) {
      const event = makeEventCase({ payload })
      expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      expect(matchBounded(matcher, event).ids).toBeDefined()
    }
    expect(() => {
      matcher.match(toMatchable(makeEventCase({ payload: { a: 'x7' } }), { budget: createWorkBudget(1_000) }), NOW)
    }).toThrow(FilterTooExpensiveError)
  })

  test.each(tunings)('wildcards with thousands of stars: %s', (_, tuning) => {
    const filters = [
      { a: [{ $wildcard: '*a'.repeat(5_000) }] },
      { a: [{ $wildcard: `${'a*'.repeat(5_000)}b` }] },
      { a: [{ $wildcard: '*'.repeat(10_000) }] },
      { a: [{ $wildcard: `*${'a'.repeat(5_000)}b*` }] },
      ...Array.from({ length: 200 }, (__, index) => ({ a: [{ $wildcard: `*a*a*a*${index}` }] })),
    ]
    const rules = makeRules(filters)
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    for (const a of ['a'.repeat(20_000), `${'a'.repeat(20_000)}b`, 'aaa17', '', 'a', ['aaa']]) {
      const event = makeEventCase({ payload: { a } })
      expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      matchBounded(matcher, event)
    }
  })

  test.each(tunings)('numbers of which JSON and doubles know less than was written: %s', (_, tuning) => {
    const parse = (text: string) => JSON.parse(text) as Json
    const numbers = ['9007199254740993', '9007199254740992', '9007199254740991', '-0', '0', '1e-400', '5e-324', '1e308']
    const rules = makeRules([
      ...numbers.map((number) => parse(`{"a":[${number}]}`)),
      ...numbers.map((number) => parse(`{"a":[{"$gt":${number}}]}`)),
      ...numbers.map((number) => parse(`{"a":[{"$lte":${number}}]}`)),
      ...numbers.map((number) => parse(`{"a":[{"$between":[${number},${number}]}]}`)),
      ...numbers.map((number) => parse(`{"a":[{"$includes":${number}}]}`)),
      ...numbers.map((number) => parse(`{"a":[{"$equals":[${number}]}]}`)),
    ])
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    for (const number of [
      ...numbers,
      '1e400',
      '-1e400',
      '9007199254740994',
      '"9007199254740993"',
      '4294967296',
      '1e21',
    ]) {
      for (const payload of [parse(`{"a":${number}}`), parse(`{"a":[${number}]}`), parse(`{"a":[[${number}]]}`)]) {
        const event = makeEventCase({ payload })
        expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      }
    }
  })

  test.each(tunings)('keys that are on every prototype are keys like others: %s', (_, tuning) => {
    const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'length', 'hasOwnProperty', '0', '']
    const filters = keys.flatMap((key) =>
      keys.flatMap((inner) =>
        [`{"${key}":{"${inner}":["x"]}}`, `{"${key}":{"${inner}":[{"$exists":true}]}}`].map(
          (text) => JSON.parse(text) as Json,
        ),
      ),
    )
    const rules = makeRules([
      ...filters,
      ...keys.map((key) => JSON.parse(`{"${key}":[{"$exists":true}]}`) as Json),
      { x: [1] },
    ])
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    const payloads = [
      '{}',
      '{"__proto__":{"x":1}}',
      '{"length":{"0":"x"}}',
      '[]',
      '"text"',
      '{"constructor":{"prototype":"x"}}',
    ]
    const pairs = keys.flatMap((key) => keys.map((inner) => `{"${key}":{"${inner}":"x"}}`))
    for (const text of [
      ...payloads,
      ...pairs,
      ...keys.map((key) => `{"${key}":"x"}`),
      ...keys.map((key) => `{"${key}":["x"]}`),
    ]) {
      const event = makeEventCase({ payload: JSON.parse(text) as Json })
      expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
    }
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })
})

describe('very many filters', () => {
  test.each(tunings)(
    '100,000 identical ones share what they can, and go one by one as they came: %s',
    (_, tuning) => {
      const count = 100_000
      const filter = { status: ['paid'], total: [{ $gt: 5 }] }
      const [shared] = makeRules([filter])
      const rules = Array.from({ length: count }, (__, index) =>
        // Read from the database, each has a filter of its own.
        makeRule(`rule ${String(index).padStart(6, '0')}`, {
          payloadFilter:
            index % 2 === 0 ? (shared?.payloadFilter ?? null) : ({ ...structuredClone(filter) } as unknown as Filter),
        }),
      )
      const matcher = createTunedMatcher(tuning, rules)
      const event = makeEventCase({ payload: { status: 'paid', total: 6 } })
      const { dispatcherIds, limitedCount } = matcher.match(toMatchable(event), NOW, { fanoutMax: 10 })
      expect(dispatcherIds).toEqual(rules.slice(0, 10).map(({ id }) => id))
      expect(limitedCount).toBe(count - 10)
      expect(matchBounded(matcher, makeEventCase({ payload: { status: 'paid', total: 5 } })).ids).toEqual([])
      settle(matcher)
      expect(matcher.stats().bytes / count).toBeLessThan(450)
      for (const { id } of createRandom(seed).sample(rules, count)) matcher.remove(id)
      settle(matcher)
      expect(matcher.stats()).toMatchObject({ rules: 0, bytes: createTunedMatcher(tuning).stats().bytes })
    },
    60_000,
  )

  test('10,000 of other shapes each: an event meets few of them', () => {
    const count = 10_000
    const filters = Array.from({ length: count }, (_, index) => ({
      [`k${index % 500}`]: { [`m${index}`]: [index] },
      [`n${index % 70}`]: [{ $exists: true }],
    }))
    const rules = makeRules(filters)
    const matcher = createTunedMatcher({}, rules)
    settle(matcher)
    const payload = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `k${index}`,
        Object.fromEntries([
          [`m${index}`, index],
          [`m${index + 500}`, 0],
        ]),
      ]),
    )
    const event = makeEventCase({
      payload: { ...payload, ...Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`n${at}`, 1])) },
    })
    expect(matchEvent(matcher, event)).toEqual(createOracle().match(rules, event))
    const { candidates, probes } = matchBounded(matcher, event)
    expect(candidates).toBeLessThan(200)
    expect(probes).toBeLessThan(1_000)
    for (const { id } of rules) matcher.remove(id)
    settle(matcher)
    expect(matcher.stats().bytes).toBe(createTunedMatcher({}).stats().bytes)
  }, 60_000)

  test.each(tunings)(
    'texts made so that weak hashes are the same for all of them: %s',
    (_, tuning) => {
      // Under 31 * hash + code, "Aa" and "BB" are the same; long texts differ only in their middle.
      const blocks = Array.from({ length: 2 ** 11 }, (__, bits) =>
        Array.from({ length: 11 }, (___, at) => ((bits >> at) & 1 ? 'Aa' : 'BB')).join(''),
      )
      const middles = Array.from({ length: 2_000 }, (__, index) => `${'a'.repeat(100)}${index}${'b'.repeat(100)}`)
      const numbers = Array.from({ length: 2_000 }, (__, index) => index * 2 ** 32)
      const halves = Array.from({ length: 2_000 }, (__, index) => index + 0.5)
      const literals = [...blocks, ...middles, ...numbers, ...halves]
      const rules = makeRules(literals.map((literal) => ({ a: [literal] })))
      const matcher = createTunedMatcher(tuning, rules)
      for (const index of [0, 1, 1_000, 2_047, 2_048, 3_000, 4_047, 4_048, 5_000, 6_047, 6_048, 8_000]) {
        const { ids } = matchBounded(matcher, makeEventCase({ payload: { a: literals[index] ?? null } }))
        expect(ids).toEqual([rules[index]?.id])
      }
    },
    60_000,
  )

  test.each(tunings)('names that are prefixes of one another: %s', (_, tuning) => {
    const rules = Array.from({ length: 1_500 }, (__, length) =>
      makeRule(`rule ${String(length).padStart(6, '0')}`, { eventNames: [`${'a'.repeat(length)}*`], source: '*' }),
    )
    const matcher = createTunedMatcher(tuning, rules)
    for (const length of [0, 1, 700, 1_499, 5_000]) {
      const { ids } = matchBounded(matcher, makeEventCase({ name: 'a'.repeat(length) }))
      expect(ids).toHaveLength(Math.min(1_500, length + 1))
    }
    expect(matchBounded(matcher, makeEventCase({ name: 'b' })).ids).toEqual(['rule 000000'])
  })

  test.each(tunings)('ranges that all hold, hold nothing, or end where the next begins: %s', (_, tuning) => {
    const filters = Array.from({ length: 3_000 }, (__, index): Json => {
      const kinds: Json[] = [
        { a: [{ $gte: index }] },
        { a: [{ $between: [index, index + 3] }] },
        { a: [{ $between: [-index, index] }] },
        { a: [{ $between: [7, 7] }] },
        { a: [{ $gt: index, $lt: index + 1 }] },
      ]
      return kinds[index % kinds.length] ?? null
    })
    const rules = makeRules(filters)
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    for (const a of [-1, 0, 7, 8, 1_500, 1_500.5, 2_999, 3_002, 3_003, 1e308, Infinity, -Infinity, '7', [7], null]) {
      const event = makeEventCase({ payload: { a } })
      expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      matchBounded(matcher, event)
    }
  })
})

/** Added and removed in about a second; where each was compared with all that are there, in half a minute. */
const SIMILAR_FILTERS = 6_000

describe('adding costs the same, however many there are that differ in little', () => {
  const kinds: Readonly<Record<string, (index: number) => Json>> = {
    'one literal': (index) => ({ a: [`x${index}`] }),
    'a literal of a list': (index) => ({ a: ['paid', `x${index}`, 'late'] }),
    'a literal that is not wanted': (index) => ({ a: [{ $anythingBut: ['paid', `x${index}`] }] }),
    'the end of a range': (index) => ({ a: [{ $between: [0, index] }] }),
    'only an upper end': (index) => ({ a: [{ $lt: index }] }),
    'a part of what is contained': (index) => ({ a: [{ $contains: { id: index } }] }),
    'a part of what is equal': (index) => ({ a: [{ $equals: [{ kind: 'x', id: index }] }] }),
    'the middle of a long text': (index) => ({ a: [`${'a'.repeat(90)}${index}${'b'.repeat(90)}`] }),
    'the middle of a pattern': (index) => ({ a: [{ $wildcard: `a*${index}*b` }] }),
    'the key': (index) => ({ [`k${index}`]: [1] }),
    'the last of several conditions': (index) => ({ a: ['x'], b: [{ $gt: 1 }], c: [{ $not: index }] }),
  }
  test.each(Object.entries(kinds))('%s', (_, makeOne) => {
    const rules = makeRules(Array.from({ length: SIMILAR_FILTERS }, (__, index) => makeOne(index)))
    const matcher = createTunedMatcher({})
    const startedAt = performance.now()
    for (const rule of rules) {
      matcher.add(rule)
      if (performance.now() - startedAt > STALL_MS) throw new Error(`only ${matcher.size} rules were added by then`)
    }
    for (const rule of rules.slice(0, 1_000)) matcher.update({ ...rule, once: true })
    for (const { id } of rules) matcher.remove(id)
    expect(matcher.size).toBe(0)
  })
})

describe('hostile events', () => {
  const nested = Array.from({ length: 300 }, (_, index) => ({
    items: { sku: [`sku ${index}`], quantity: [{ $gt: index }], tags: [{ $includes: `tag ${index}` }] },
  }))

  test.each(tunings)(
    'huge arrays under nested filters are answered, or cost too much; never a stall: %s',
    (_, tuning) => {
      const rules = makeRules(nested)
      const matcher = createTunedMatcher(tuning, rules)
      const drawPayloads = (huge: number): Json[] => [
        { items: Array.from({ length: huge }, () => ({})) },
        { items: Array.from({ length: huge }, (__, index) => ({ sku: `sku ${index}`, quantity: index })) },
        { items: Array.from({ length: huge }, (__, index) => index) },
        { items: Array.from({ length: huge }, () => []) },
        {
          items: Array.from({ length: 300 }, () => ({
            sku: 'sku 1',
            tags: Array.from({ length: 300 }, (__, at) => `tag ${at}`),
          })),
        },
        Array.from({ length: huge }, () => ({ items: { sku: 'sku 1' } })),
        Object.fromEntries(Array.from({ length: huge }, (__, index) => [`key ${index}`, index])),
        { items: { sku: 'x'.repeat(1_000_000) } },
      ]
      for (const payload of drawPayloads(100_000)) matchBounded(matcher, makeEventCase({ payload }))
      const oracle = createOracle()
      for (const payload of drawPayloads(1_000)) {
        const event = makeEventCase({ payload })
        expect(matchBounded(matcher, event).ids).toEqual(idsOf(oracle.match(rules, event)))
      }
      // And what came before leaves nothing behind.
      const event = makeEventCase({ payload: { items: [{ sku: 'sku 3', quantity: 4, tags: ['tag 3'] }] } })
      expect(matchBounded(matcher, event).ids).toEqual(['rule 000003'])
    },
    60_000,
  )

  // Where hashes say nothing, all keys share one chain: then looking up costs more, as it must.
  test.each(tunings.slice(0, 2))(
    'several arrays, of each of which filters want an element, cost no more than the rules one by one: %s',
    (_, tuning) => {
      const digits = (index: number) => [index % 10, Math.floor(index / 10) % 10, Math.floor(index / 100)] as const
      const filters = Array.from({ length: 1_000 }, (__, index): Json => {
        const [x, y, z] = digits(index)
        if (index % 2 === 0) return { items: { a: [x], b: [y], c: [z] } }
        return { a: [{ $includes: x }], b: [{ $includes: y }], c: [{ $includes: z }] }
      })
      const rules = makeRules(filters)
      const matcher = createTunedMatcher(tuning, rules)
      for (const length of [3, 10, 30, 150]) {
        const list = Array.from({ length }, (__, index) => index + 5)
        const items = list.map((index) => ({ a: index, b: index, c: index }))
        const event = makeEventCase({ payload: { a: list, b: list, c: list, items } })
        const { ids, steps } = matchBounded(matcher, event)
        expect(ids).toEqual(idsOf(createOracle().match(rules, event)))
        expect(steps).toBeLessThan(3 * countSteps(rules, event) + 20 * countNodes(event.payload))
      }
    },
  )

  test.each(tunings)(
    'an event costs hardly more steps than it costs with the rules one by one: %s',
    (_, tuning) => {
      const random = createRandom(seed)
      for (const style of Object.values(SET_STYLES)) {
        const { rules, events } = drawSet(random, style, { rules: 200, events: 40 })
        const matcher = createTunedMatcher(tuning, rules)
        for (const event of events) {
          const steps = countSteps(rules, event)
          // Some filters are tried twice, all values of the event are looked at, and each filter may have a key of its own.
          const looks = 20 * countNodes(event.payload) + 20 * countNodes(event.context) + 2 * rules.length
          const budget = createWorkBudget(3 * steps + looks)
          const outcome = (() => {
            try {
              return matcher.match(toMatchable(event, { budget }), new Date(event.nowMs))
            } catch (error) {
              return (error as Error).name
            }
          })()
          if (outcome === 'FilterTooExpensiveError') throw new Error(JSON.stringify({ steps, event }))
        }
      }
    },
    60_000,
  )
})

/** The steps of trying every rule that is for the event: what a loop over them costs. */
function countSteps(rules: readonly DispatcherRule[], event: EventCase): number {
  const budget = createWorkBudget(2 ** 50)
  createOracle(undefined, budget).match(rules, event)
  return 2 ** 50 - budget.stepsLeft
}

describe('when something throws', () => {
  test.each(tunings)(
    'a match that ends early leaves nothing behind for the next: %s',
    (_, tuning) => {
      const random = createRandom(seed + 1)
      for (const style of Object.values(SET_STYLES)) {
        const set = drawSet(random, style, { rules: 150, events: 40 })
        const matcher = createTunedMatcher(tuning, set.rules)
        const fresh = createTunedMatcher(tuning, set.rules)
        for (const event of set.events) {
          const other = random.pick(set.events)
          for (const more of [
            { budget: createWorkBudget(random.below(30)) },
            { readPayload: () => throwUnreadable() },
            { readContext: () => throwUnreadable() },
            { readEnvelope: () => throwUnreadable() },
          ]) {
            try {
              matcher.match(toMatchable(other, more), new Date(other.nowMs))
            } catch {
              // Whatever it was, the next event has nothing to do with it.
            }
          }
          expect(matchEvent(matcher, event)).toEqual(matchEvent(fresh, event))
        }
      }
    },
    60_000,
  )

  test.each(tunings)(
    'a rule whose filter was never valid is refused and changes nothing, or is taken and goes again: %s',
    (_, tuning) => {
      const valid = makeRules([{ a: [1] }, { a: [{ $gt: 0 }] }, { b: { c: ['x'] } }])
      const matcher = createTunedMatcher(tuning, valid)
      const lists = [
        [null],
        [{ $between: 3 }],
        [{ $bogus: 1 }],
        [{ $startsWith: 5 }],
        [{ $cidr: 'x' }],
        [{ $before: 'x' }],
        [{ $length: 'x' }],
        [{ $wildcard: null }],
        [[1]],
      ]
      const inputs = [
        { $or: 5 },
        { $or: [null] },
        { a: null },
        { a: 5 },
        { a: [1], z: { $and: 7 } },
        ...lists.map((list) => ({ a: list })),
        ...lists.map((list) => ({ x: { y: [1], z: list } })),
      ] as unknown as Filter[]
      const tryAll = (): number => {
        let refused = 0
        for (const filter of inputs) {
          for (const part of ['payloadFilter', 'contextFilter'] as const) {
            for (const filterLanguage of ['signalbox', 'eventbridge'] as const) {
              const payloadFilter = makeFilter({ own: { path: ['x'] } })
              const rule = makeRule('bad', { payloadFilter, filterLanguage, [part]: filter })
              if (tryRule(matcher, rule)) refused += 1
              expect(matchBounded(matcher, makeEventCase({ payload: { a: 1, b: { c: 'x' } } })).ids).toHaveLength(3)
            }
          }
        }
        settle(matcher)
        return refused
      }
      expect(tryAll()).toBeGreaterThan(5)
      // What was counted of keys that filters had stays for a while, but not more and more.
      for (let times = 0; times < 3; times += 1) tryAll()
      const { bytes } = matcher.stats()
      tryAll()
      expect(matcher.stats()).toMatchObject({ rules: 3, bytes })
    },
  )
})

describe(`any JSON at all (seed ${seed})`, () => {
  const size = { rules: 250, events: 0 }
  const check = <Ts>(property: fc.IProperty<Ts>): void => fc.assert(property, { seed, numRuns: 300 })

  test.each(tunings)('as a payload and a context: %s', (_, tuning) => {
    const { rules } = drawSet(createRandom(seed), SET_STYLES['mixed in one place'] as SetStyle, size)
    const matcher = createTunedMatcher(tuning, rules)
    const oracle = createOracle()
    const json = fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<Json>
    check(
      fc.property(json, json, fc.constantFrom('JSON' as const, 'REQUEST' as const), (payload, context, payloadType) => {
        const event = makeEventCase({ payload, context, payloadType })
        expect(matchEvent(matcher, event)).toEqual(oracle.match(rules, event))
      }),
    )
  })

  test.each(tunings)('any texts as names, sources, accounts and ids: %s', (_, tuning) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('', 'a', 'ab', '*', '\ud800', '__proto__'),
    )
    const entry = fc.oneof(
      text,
      text.map((head) => `${head}*`),
    )
    const rule = fc.record({
      eventNames: fc.array(entry, { maxLength: 3 }),
      source: text,
      externalAccountId: fc.option(text),
      id: text,
      payloadFilter: fc.constantFrom(null, makeFilter({ a: [1] })),
    })
    check(
      fc.property(
        fc.uniqueArray(rule, { selector: ({ id }) => id, maxLength: 30 }),
        text,
        text,
        fc.option(text),
        (drawn, ...event) => {
          const rules = drawn.map(({ id, ...more }) => makeRule(id, more))
          const matcher = createTunedMatcher(tuning, rules)
          const [name, source, externalAccountId] = event
          for (const eventName of [name, `${name}x`, drawn[0]?.eventNames[0] ?? '']) {
            const made = makeEventCase({ name: eventName, source, externalAccountId, payload: { a: 1 } })
            expect(matchEvent(matcher, made)).toEqual(createOracle().match(rules, made))
          }
        },
      ),
    )
  })
})

function idsOf(outcome: ReturnType<typeof matchEvent>): string[] {
  return 'dispatcherIds' in outcome ? outcome.dispatcherIds : []
}

/** Whether a rule was refused. One that was taken goes again; one that was not must have changed nothing. */
function tryRule(matcher: EventMatcher, rule: DispatcherRule): boolean {
  try {
    matcher.add(rule)
  } catch {
    expect(matcher.has(rule.id)).toBe(false)
    // Nor does it take the place of one that is there.
    expect(() => matcher.update({ ...rule, id: 'rule 000000' })).toThrow()
    return true
  }
  expect(matcher.remove(rule.id)).toBe(true)
  return false
}

function throwUnreadable(): never {
  throw new Error('this part of the event is gone')
}
