import { describe, expect, test } from '@jest/globals'
import { createCoverage } from '../../test/matcher/coverage.js'
import { FEATURES } from '../../test/matcher/draw-filters.js'
import { drawSet, SET_STYLES, type DrawnSet } from '../../test/matcher/draw-rules.js'
import { TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom, type Random } from '../../test/matcher/random.js'
import { runOperations, type Operation } from '../../test/matcher/run-operations.js'
import { expectAgreement } from '../../test/matcher/shrink-operations.js'
import { compileFilter, createWorkBudget } from '../filter/index.js'

/** `MATCHER_SEED` repeats a run; `MATCHER_PAIRS` makes a longer one. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

/** Pairs of a rule and an event whose filters are evaluated, in CI. */
const pairsMin = Number(process.env['MATCHER_PAIRS'] ?? 1_000_000)

const RULES_PER_SET = 300
const EVENTS_PER_SET = 60

/** All rules; a half of them; some of them changed; all again: and after each step every event. */
function drawOperations(random: Random, set: DrawnSet): Operation[] {
  const { rules, events, drawRule } = set
  const match = events.map((event): Operation => ({ kind: 'match', event }))
  const [removed, stay] = [random.sample(rules, rules.length / 2), new Set<string>()]
  const gone = new Set(removed)
  for (const rule of rules) if (!gone.has(rule)) stay.add(rule.id)
  const updated = random.sample([...stay], 40).map((id): Operation => ({ kind: 'update', rule: drawRule(id) }))
  const explained = events.map((event): Operation => ({ kind: 'explain', event, id: random.pick(rules).id }))
  return [
    ...rules.map((rule): Operation => ({ kind: 'add', rule })),
    ...match,
    { kind: 'maintain', rulesMax: random.pick([1, 10, 1_000]) },
    ...match.slice(0, 20),
    ...removed.map(({ id }): Operation => ({ kind: 'remove', id })),
    ...match,
    ...updated,
    { kind: 'maintain', rulesMax: 1_000 },
    ...match,
    ...removed.map((rule): Operation => ({ kind: 'add', rule })),
    ...match,
    ...explained,
  ]
}

describe(`the matcher and the rules one by one (seed ${seed})`, () => {
  test(
    `agree on ${pairsMin.toLocaleString('en')} pairs of a rule and an event, however the matcher is tuned`,
    () => {
      const random = createRandom(seed)
      const coverage = createCoverage()
      const oracle = createOracle((rule, event, isTaken) => coverage.observe(rule, event, isTaken))
      const styles = Object.values(SET_STYLES)
      for (let round = 0; oracle.evaluatedPairs < pairsMin; round += 1) {
        const style = styles[round % styles.length]
        if (style === undefined) throw new Error('no style')
        const set = drawSet(random, style, { rules: RULES_PER_SET, events: EVENTS_PER_SET })
        const operations = drawOperations(random, set)
        for (const tuning of Object.values(TUNINGS)) {
          if (runOperations(operations, tuning, oracle) !== undefined) expectAgreement(operations, tuning)
        }
      }
      // A generator whose rules match nothing, or that forgets an operator, would prove little.
      const { matched, evaluated } = coverage.totals()
      expect(matched / evaluated).toBeGreaterThan(0.05)
      expect(matched / evaluated).toBeLessThan(0.6)
      expect(coverage.lacking(FEATURES)).toEqual([])
    },
    60_000 + pairsMin / 10,
  )

  test('compiled filters say what the evaluator says', () => {
    const random = createRandom(seed + 1)
    const oracle = createOracle()
    for (const style of Object.values(SET_STYLES)) {
      const { rules, events } = drawSet(random, style, { rules: 100, events: 60 })
      for (const rule of rules.filter((each) => each.payloadFilter !== null && each.filterLanguage === 'signalbox')) {
        const filter = rule.payloadFilter
        if (filter === null) continue
        const compiled = compileFilter(filter)
        const bare = {
          ...rule,
          contextFilter: null,
          externalAccountId: null,
          expiresAt: null,
          source: '*',
          eventNames: ['*'],
        }
        for (const event of events.filter((each) => each.payloadType === 'JSON')) {
          const answer = compiled(event.payload, createWorkBudget(2 ** 50))
          if (answer !== oracle.takes(bare, event))
            throw new Error(JSON.stringify({ filter, payload: event.payload, answer }))
        }
      }
    }
    expect(oracle.evaluatedPairs).toBeGreaterThan(40_000)
  }, 60_000)
})
