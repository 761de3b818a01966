import { describe, expect, test } from '@jest/globals'
import { drawSet, SET_STYLES } from '../../test/matcher/draw-rules.js'
import { makeEventCase, makeFilter, makeRule } from '../../test/matcher/make-rules.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom } from '../../test/matcher/random.js'
import { matchEvent, runOperations, type Operation } from '../../test/matcher/run-operations.js'
import { expectAgreement } from '../../test/matcher/shrink-operations.js'
import type { Json } from '../json.js'

/** `MATCHER_SEED` repeats a run; `MATCHER_PAIRS` makes a longer one. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

/** Pairs of a rule and an event whose filters are evaluated, in CI. */
const pairsMin = Number(process.env['MATCHER_PAIRS'] ?? 1_000_000) / 5

const SIEVED = TUNINGS['few rules all at once from the first event on'] ?? fail()
const CODED = TUNINGS['few rules all at once, by code of their own, from the first event on'] ?? fail()
const EVENTS_PER_SET = 60

describe(`few rules all at once (seed ${seed})`, () => {
  test(
    `find what the rules one by one find, on ${pairsMin.toLocaleString('en')} pairs`,
    () => {
      const random = createRandom(seed)
      const oracle = createOracle()
      const styles = Object.values(SET_STYLES)
      for (let round = 0; oracle.evaluatedPairs < pairsMin; round += 1) {
        const style = { ...(styles[round % styles.length] ?? fail()), isNarrow: random.chance(0.7) }
        const rules = random.pick([1, 5, 31, 32, 33, 50, 64, 65])
        const set = drawSet(random, style, { rules, events: EVENTS_PER_SET })
        const match = set.events.map((event): Operation => {
          return random.chance(0.8)
            ? { kind: 'match', event }
            : { kind: 'match', event, fanoutMax: random.pick([0, 1, 5]) }
        })
        const changed = random.sample(set.rules, Math.ceil(rules / 4))
        const operations: Operation[] = [
          ...set.rules.map((rule): Operation => ({ kind: 'add', rule })),
          ...match,
          ...changed.map(({ id }): Operation => ({ kind: 'update', rule: set.drawRule(id) })),
          ...match,
          ...changed.map(({ id }): Operation => ({ kind: 'remove', id })),
          ...match,
        ]
        for (const tuning of [SIEVED, CODED]) {
          if (runOperations(operations, tuning, oracle) !== undefined) expectAgreement(operations, tuning)
        }
      }
    },
    60_000 + pairsMin / 10,
  )

  test.each<[Json, Json, boolean]>([
    [[{ $includes: 'a' }, { $includes: 'b' }], ['a'], false],
    [[{ $includes: 'a' }, { $includes: 'b' }], ['b', 'a'], true],
    [[{ $isNull: false }, { $isNull: true }], null, false],
    [[{ $anythingBut: ['a'] }, { $exists: true }], 'a', false],
    [[{ $anythingBut: ['a'] }, { $exists: true }], 'b', true],
    [[{ $gt: 1 }, { $lt: 5 }, { $gte: 3 }], 2, false],
    [[{ $gt: 1 }, { $lt: 5 }, { $gte: 3 }], 3, true],
  ])('%j says more than one thing of %j', (tests, value, isTaken) => {
    const rule = makeRule('one', { payloadFilter: makeFilter({ key: tests }) })
    const event = makeEventCase({ name: rule.eventNames[0] ?? fail(), payload: { key: value } })
    for (const tuning of [SIEVED, CODED]) {
      expect(matchEvent(createTunedMatcher(tuning, [rule]), event)).toMatchObject({
        dispatcherIds: isTaken ? ['one'] : [],
      })
    }
  })

  test.each<[Json, Json, Json]>([
    [{ b: [{ $exists: false }] }, { b: [{ $gte: 2 }] }, [{}, { b: 2 }]],
    [{ b: [{ $anythingBut: [2] }] }, { b: [{ $gte: 2, $lte: 2 }] }, [{}, { b: 2 }]],
    [{ b: [{ $exists: false }] }, { b: [{ $includes: 1 }] }, [{}, { b: [1] }]],
  ])('%j and %j may hold for an element each', (one, other, items) => {
    const rule = makeRule('one', { payloadFilter: makeFilter({ $and: [{ items: one }, { items: other }] }) })
    for (const tuning of [SIEVED, CODED]) {
      const matcher = createTunedMatcher(tuning, [rule])
      expect(matchEvent(matcher, makeEventCase({ payload: { items } }))).toMatchObject({ dispatcherIds: ['one'] })
    }
  })

  test.each(['payloadFilter', 'contextFilter'] as const)(
    'a key in a %s holds for nothing when that is null',
    (filter) => {
      const rule = makeRule('one', { [filter]: makeFilter({ key: [] }) })
      const match = (value: Json): unknown => {
        const event = makeEventCase({ name: rule.eventNames[0] ?? fail(), payload: value, context: value })
        return [SIEVED, CODED].map((tuning) => matchEvent(createTunedMatcher(tuning, [rule]), event))
      }
      expect(match(null)).toMatchObject([{ dispatcherIds: [] }, { dispatcherIds: [] }])
      expect(match({})).toMatchObject([{ dispatcherIds: ['one'] }, { dispatcherIds: ['one'] }])
    },
  )

  test.each([
    [64, true],
    [65, false],
  ])('are those of a name that %d rules want: %s', (count, isSieved) => {
    const rules = Array.from({ length: count }, (_, number) =>
      makeRule(`rule ${number}`, { payloadFilter: makeFilter({ key: [number] }) }),
    )
    const event = makeEventCase({ name: rules[0]?.eventNames[0] ?? fail(), payload: { key: 7 } })
    const matcher = createTunedMatcher(SIEVED, rules)
    matcher.readsBody(event.name)
    const { bytes } = matcher.stats()
    expect(matchEvent(matcher, event)).toMatchObject({ dispatcherIds: ['rule 7'] })
    expect(matcher.stats().bytes > bytes).toBe(isSieved)
  })
})

function fail(): never {
  throw new Error('nothing was drawn')
}
