import { describe, expect, test } from '@jest/globals'
import { NOW_MS, toMatchable } from '../../test/matcher/draw-rules.js'
import { forbidStalls, STALL_MS } from '../../test/matcher/forbid-stalls.js'
import { makeEventCase, makeRule, makeRules } from '../../test/matcher/make-rules.js'
import { matchBounded } from '../../test/matcher/match-bounded.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom } from '../../test/matcher/random.js'
import { matchEvent, settle } from '../../test/matcher/run-operations.js'
import { createWorkBudget, type Filter, FilterTooExpensiveError } from '../filter/index.js'
import type { Json } from '../json.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

const NOW = new Date(NOW_MS)

const tunings = Object.entries(TUNINGS)

forbidStalls()

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
