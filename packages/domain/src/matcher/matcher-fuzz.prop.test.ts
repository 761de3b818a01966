import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { drawSet, SET_STYLES, toMatchable, type EventCase, type SetStyle } from '../../test/matcher/draw-rules.js'
import { forbidStalls } from '../../test/matcher/forbid-stalls.js'
import { makeEventCase, makeFilter, makeRule, makeRules } from '../../test/matcher/make-rules.js'
import { matchBounded } from '../../test/matcher/match-bounded.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom } from '../../test/matcher/random.js'
import { matchEvent, settle } from '../../test/matcher/run-operations.js'
import type { DispatcherRule } from '../dispatcher.js'
import { countNodes } from '../filter/count-steps.js'
import { createWorkBudget, type Filter } from '../filter/index.js'
import type { Json } from '../json.js'
import type { EventMatcher } from './index.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

const tunings = Object.entries(TUNINGS)

forbidStalls()

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
