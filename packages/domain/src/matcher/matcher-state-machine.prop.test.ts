import { describe, expect, test } from '@jest/globals'
import { drawSet, SET_STYLES, type DrawnSet, type SetStyle } from '../../test/matcher/draw-rules.js'
import { makeEventCase, makeFilter, makeRule } from '../../test/matcher/make-rules.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { measureHeap } from '../../test/matcher/measure-heap.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom, type Random } from '../../test/matcher/random.js'
import { matchEvent, runOperations, settle, startLife, type Operation } from '../../test/matcher/run-operations.js'
import { expectAgreement } from '../../test/matcher/shrink-operations.js'
import type { DispatcherRule } from '../dispatcher.js'
import type { Json } from '../json.js'
import { createMatcherShapes } from './index.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

/** Calls in one life of a matcher, and how many lives there are of each kind of rules. */
const OPERATIONS = 600
const LIVES = 3

/**
 * Draws the life of a matcher: calls in any order, among them some that are refused, with rules that come back as they
 * were and ids that come back with other rules. Ends with no rule left.
 */
function drawLife(random: Random, set: DrawnSet): Operation[] {
  const drawOne = (): Operation => {
    const rule = random.pick(set.rules)
    const drawn = random.below(100)
    if (drawn < 30) return { kind: 'add', rule }
    if (drawn < 45) return { kind: 'remove', id: rule.id }
    if (drawn < 55) return { kind: 'update', rule: set.drawRule(rule.id) }
    if (drawn < 58) return { kind: 'update', rule }
    if (drawn < 60) return { kind: 'explain', event: random.pick(set.events), id: rule.id }
    if (drawn < 61) return { kind: 'drain', rulesMax: random.pick([0, 1, 2, 5]) }
    if (drawn < 64) return { kind: 'maintain', rulesMax: random.pick([0, 1, 3, 50]) }
    const fanoutMax = random.pick([0, 1, 2, 5, 1_000])
    const event = random.pick(set.events)
    return random.chance(0.9) ? { kind: 'match', event } : { kind: 'match', event, fanoutMax }
  }
  const life: Operation[] = []
  for (let index = 0; index < OPERATIONS; index += 1) {
    life.push(drawOne())
    // Now and then all go, or all come, at once.
    if (random.chance(0.004))
      life.push(...set.rules.map(({ id }): Operation => ({ kind: 'remove', id })), { kind: 'settle' })
    if (random.chance(0.008)) life.push(...set.rules.map((rule): Operation => ({ kind: 'update', rule })))
  }
  const ids = random.sample(set.rules, set.rules.length).map(({ id }) => id)
  return [...life, { kind: 'settle' }, ...ids.map((id): Operation => ({ kind: 'remove', id })), { kind: 'settle' }]
}

describe(`the life of a matcher (seed ${seed})`, () => {
  test.each(Object.entries(TUNINGS))(
    'is that of a map and a loop: %s',
    (_, tuning) => {
      const random = createRandom(seed)
      for (const style of Object.values(SET_STYLES)) {
        for (let life = 0; life < LIVES; life += 1) {
          const set = drawSet(random, style, { rules: random.pick([3, 20, 90]), events: 12 })
          const operations = drawLife(random, set)
          const oracle = createOracle()
          if (runOperations(operations, tuning, oracle) !== undefined) expectAgreement(operations, tuning)
        }
      }
    },
    60_000,
  )
})

describe(`lives side by side (seed ${seed})`, () => {
  test.each(Object.entries(TUNINGS))(
    'share their shapes and nothing else, and give them back: %s',
    (_, tuning) => {
      const random = createRandom(seed + 3)
      for (const style of Object.values(SET_STYLES)) {
        const shapes = createMatcherShapes()
        const base = shapes.bytes
        const lives = Array.from({ length: 3 }, () => {
          const set = drawSet(random, style, { rules: random.pick([3, 40]), events: 8 })
          return { run: startLife(tuning, { shapes }), rest: drawLife(random, set).slice(0, OPERATIONS / 2) }
        })
        while (lives.some(({ rest }) => rest.length > 0)) {
          const { run, rest } = random.pick(lives)
          for (const operation of rest.splice(0, random.below(8))) {
            const difference = run(operation)
            if (difference !== undefined) throw new Error(JSON.stringify({ operation, ...difference }))
          }
        }
        expect(shapes.bytes).toBeGreaterThan(base)
        for (const { run } of lives) {
          // As when a set is dropped for want of memory: in pieces, whatever is in it.
          for (let pieces = 0; pieces < 100; pieces += 1) expect(run({ kind: 'drain', rulesMax: 5 })).toBeUndefined()
          expect(run({ kind: 'settle' })).toBeUndefined()
        }
        expect(shapes.bytes).toBe(base)
      }
    },
    60_000,
  )
})

const CHURN_ROUNDS = 50
const CHURN_RULES = 200
const CHURN_WINDOWS = 4

/** What one round may leave behind: jest's own noise, not the rules, of which a round has some 100 KiB. */
const LEFT_BYTES_PER_ROUND_MAX = 10 * 1024

describe(`memory (seed ${seed})`, () => {
  test.each(Object.entries(TUNINGS))(
    'is back at its base after every round of rules that come and go: %s',
    (_, tuning) => {
      const random = createRandom(seed)
      const matcher = createTunedMatcher(tuning)
      const base = matcher.stats().bytes
      const churn = (round: number): void => {
        // Other keys and texts each time: what is kept of them for ever would add up.
        const style = { ...(SET_STYLES['mixed'] as SetStyle), keys: 12, literals: 40 }
        const set = drawSet(random, style, { rules: CHURN_RULES / 2, events: 20 })
        const own = Array.from({ length: CHURN_RULES / 2 }, (__, index) => makeOwnRule(round, index))
        for (const rule of [...set.rules, ...own]) matcher.add(rule)
        for (const event of set.events) matchEvent(matcher, event)
        if (round % 2 === 0) settle(matcher)
        for (const rule of set.rules) matcher.update(set.drawRule(rule.id))
        for (const event of set.events) matchEvent(matcher, event)
        for (const { id } of random.sample([...set.rules, ...own], CHURN_RULES)) expect(matcher.remove(id)).toBe(true)
        expect(matcher.size).toBe(0)
        expect(settle(matcher)).toBe(true)
        expect(matcher.stats()).toMatchObject({ rules: 0, bytes: base })
      }
      let left = Number.POSITIVE_INFINITY
      // What stays behind for ever does so in each window; what the first rounds cost once, such as compiled code, does not.
      for (let window = 0; window < CHURN_WINDOWS && left >= LEFT_BYTES_PER_ROUND_MAX; window += 1) {
        const before = measureHeap()
        for (let round = 0; round < CHURN_ROUNDS; round += 1) churn(window * CHURN_ROUNDS + round)
        left = Math.min(left, (measureHeap() - before) / CHURN_ROUNDS)
      }
      expect(left).toBeLessThan(LEFT_BYTES_PER_ROUND_MAX)
    },
    120_000,
  )

  test.each(Object.entries(TUNINGS))(
    'does not grow with the keys and texts of events: %s',
    (_, tuning) => {
      const { rules } = drawSet(createRandom(seed), SET_STYLES['mixed in one place'] as SetStyle, {
        rules: 300,
        events: 0,
      })
      const matcher = createTunedMatcher(tuning, rules)
      const meet = (from: number): void => {
        for (let index = from; index < from + 2_000; index += 1) {
          const payload = Object.fromEntries(
            Array.from({ length: 10 }, (__, key) => [
              `key ${index} ${key}`,
              { [`in ${index}`]: `text ${index} ${key}` },
            ]),
          )
          const name = index % 2 === 0 ? 'order.paid' : `name ${index}`
          matchEvent(matcher, makeEventCase({ name, payload, context: payload }))
        }
      }
      meet(0)
      settle(matcher)
      const [bytes, heap] = [matcher.stats().bytes, measureHeap()]
      for (let round = 1; round <= 5; round += 1) meet(round * 2_000)
      settle(matcher)
      // Kept for ever, these 100,000 keys and as many texts would be more than 10 MiB.
      expect(matcher.stats().bytes).toBeLessThanOrEqual(bytes * 1.2)
      expect(measureHeap() - heap).toBeLessThan(2 * 1024 * 1024)
    },
    60_000,
  )

  test.each(Object.entries(TUNINGS))(
    'is the same for the same rules, whatever was there before: %s',
    (_, tuning) => {
      const random = createRandom(seed + 2)
      const { rules } = drawSet(random, SET_STYLES['mixed in one place'] as SetStyle, { rules: 2_000, events: 0 })
      const fresh = createTunedMatcher(tuning, rules)
      settle(fresh)
      const used = createTunedMatcher(tuning, rules)
      for (let round = 0; round < 20; round += 1) {
        const part = random.sample(rules, 700)
        for (const { id } of part) used.remove(id)
        for (const rule of part) used.add(rule)
        settle(used)
      }
      expect(used.stats().rules).toBe(2_000)
      expect(used.stats().bytes).toBeLessThan(fresh.stats().bytes * 1.5)
    },
    60_000,
  )
})

const WEIGHED_RULES = 15_000

describe('what a matcher says of its memory', () => {
  const kinds: Readonly<Record<string, (index: number) => Json>> = {
    literals: (index) => ({ order: [`order-${index}`] }),
    numbers: (index) => ({ order: [index] }),
    ranges: (index) => ({ total: [{ $gt: index }] }),
    'two conditions': (index) => ({ customer: [`customer-${index % 100}`], total: [{ $lt: index }] }),
    patterns: (index) => ({ order: [{ $wildcard: `order-${index}*x*` }] }),
    alternatives: (index) => ({ $or: [{ order: [`order-${index}`] }, { cart: [`cart-${index}`] }] as Json[] }),
  }
  test.each(Object.entries(kinds))('is what the heap says, within a factor of two: %s', (_, makeOne) => {
    const matcher = createTunedMatcher({})
    const addAll = (from: number): void => {
      for (let index = from; index < from + WEIGHED_RULES; index += 1) {
        // Nothing of it is held by the test, nor shared with another rule.
        const payloadFilter = makeFilter(JSON.parse(JSON.stringify(makeOne(index))) as Json)
        matcher.add(makeRule(`0199a5c4-0000-7000-8000-${String(index).padStart(12, '0')}`, { payloadFilter }))
      }
    }
    // The first thousands pay for what is there once, such as compiled code.
    addAll(0)
    const [heap, { bytes }] = [measureHeap(), matcher.stats()]
    addAll(WEIGHED_RULES)
    const [held, said] = [measureHeap() - heap, matcher.stats().bytes - bytes]
    expect(held / said).toBeGreaterThan(0.5)
    expect(held / said).toBeLessThan(2)
  })
})

/** A rule that has nothing in common with those of other rounds. */
function makeOwnRule(round: number, index: number): DispatcherRule {
  const own = `${round}-${index}`
  const payloadFilter = makeFilter({
    [`key ${own}`]: { [`in ${own}`]: [`text ${own}`] },
    total: [{ $between: [index, index + round] }],
    $or: [{ [`either ${own}`]: [{ $startsWith: own }] }, { or: [{ $wildcard: `${own}*${own}` }] }],
  })
  return makeRule(`own ${own}`, {
    eventNames: [`name ${own}`, `head ${own}*`, 'order.paid'],
    source: `source ${own}`,
    externalAccountId: `account ${own}`,
    payloadFilter,
  })
}
