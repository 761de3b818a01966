import { describe, expect, test } from '@jest/globals'
import { createCoverage } from '../../test/matcher/coverage.js'
import { FEATURES } from '../../test/matcher/draw-filters.js'
import { PATTERN_FEATURES } from '../../test/matcher/draw-patterns.js'
import { drawSet, SET_STYLES, type DrawnSet } from '../../test/matcher/draw-rules.js'
import { TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle, toEnvelope } from '../../test/matcher/oracle.js'
import { createRandom, type Random } from '../../test/matcher/random.js'
import { runOperations, type Operation } from '../../test/matcher/run-operations.js'
import { expectAgreement } from '../../test/matcher/shrink-operations.js'
import { compileTree, createWorkBudget, explainTree, matchesTree, readTreeOf } from '../filter/index.js'

/** `MATCHER_SEED` repeats a run; `MATCHER_PAIRS` makes a longer one. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

/** Pairs of a rule and an event whose filters are evaluated, in CI. */
const pairsMin = Number(process.env['MATCHER_PAIRS'] ?? 1_000_000)

/** From so many pairs on, every operator has to have held and failed where nothing else decided. */
const COVERING_PAIRS = 1_000_000

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
      const [asItIs = {}, sieved = {}, coded = {}, ...hostile] = Object.values(TUNINGS)
      const lacking = (): string[] => coverage.lacking([...FEATURES, ...PATTERN_FEATURES])
      // What is drawn seldom may take a few rounds more.
      const isMoreToDo = (): boolean =>
        oracle.evaluatedPairs < pairsMin ||
        (pairsMin >= COVERING_PAIRS && oracle.evaluatedPairs < 2 * pairsMin && lacking().length > 0)
      for (let round = 0; isMoreToDo(); round += 1) {
        const style = styles[round % styles.length]
        if (style === undefined) throw new Error('no style')
        const set = drawSet(random, style, { rules: RULES_PER_SET, events: EVENTS_PER_SET })
        const operations = drawOperations(random, set)
        // As it is always, few rules all at once always, in both ways, and in turn with each of the tunings under which all structures meet.
        for (const tuning of [asItIs, sieved, coded, hostile[round % hostile.length] ?? asItIs]) {
          if (runOperations(operations, tuning, oracle) !== undefined) expectAgreement(operations, tuning)
        }
      }
      // A generator whose rules match nothing, or that forgets an operator, would prove little.
      const { matched, evaluated } = coverage.totals()
      expect(matched / evaluated).toBeGreaterThan(0.05)
      expect(matched / evaluated).toBeLessThan(0.6)
      if (pairsMin >= COVERING_PAIRS) expect(lacking()).toEqual([])
    },
    60_000 + pairsMin / 10,
  )

  test('compiled filters and explanations say what the evaluator says, in both languages', () => {
    const random = createRandom(seed + 1)
    const answers = { signalbox: { true: 0, false: 0 }, eventbridge: { true: 0, false: 0 } }
    for (const style of Object.values(SET_STYLES)) {
      const { rules, events } = drawSet(random, style, { rules: 100, events: 60 })
      for (const { payloadFilter, filterLanguage } of rules) {
        if (payloadFilter === null) continue
        const tree = readTreeOf(filterLanguage, payloadFilter)
        const compiled = compileTree(tree)
        for (const event of events.filter((each) => each.payloadType === 'JSON')) {
          const value = filterLanguage === 'eventbridge' ? toEnvelope(event, event.payload) : event.payload
          const answer = matchesTree(tree, value, createWorkBudget(2 ** 50))
          const others = [
            compiled(value, createWorkBudget(2 ** 50)),
            explainTree(tree, value, createWorkBudget(2 ** 50)).matches,
          ]
          if (others.includes(!answer)) throw new Error(JSON.stringify({ payloadFilter, value, answer, others }))
          answers[filterLanguage][`${answer}`] += 1
        }
      }
    }
    expect(Math.min(answers.signalbox.true, answers.signalbox.false)).toBeGreaterThan(2_000)
    expect(Math.min(answers.eventbridge.true, answers.eventbridge.false)).toBeGreaterThan(500)
  }, 60_000)
})
