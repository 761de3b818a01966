import { describe, expect, test } from '@jest/globals'
import { drawSet, type EventCase, SET_STYLES, toMatchable } from '../../test/matcher/draw-rules.js'
import { makeEventCase, makeFilter, makeRule, makeRules } from '../../test/matcher/make-rules.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createRandom, type Random } from '../../test/matcher/random.js'
import { createWorkBudget, FilterTooExpensiveError } from '../filter/index.js'
import type { Json } from '../json.js'
import { RequestPayloadError } from '../request-payload.js'
import type { EventMatcher } from './event-matcher.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

const SIEVED = TUNINGS['few rules all at once from the first event on'] ?? fail()
const CODED = TUNINGS['few rules all at once, by code of their own, from the first event on'] ?? fail()

const SETS = 40
const EVENTS_PER_SET = 40
const STEPS = 1_000_000

describe(`what few rules cost (seed ${seed})`, () => {
  test('below an array is the same with code and without', () => {
    const rules = makeRules([{ a: { b: [1] } }, { a: { b: [2], c: [1] } }, { d: [{ $startsWith: 'x' }] }])
    const event = makeEventCase({ payload: { a: [{ b: 1, c: 1 }, { b: 1 }], d: 'x' } })
    const [byParts, byCode] = [SIEVED, CODED].map((tuning) => measure(createTunedMatcher(tuning, rules), event, STEPS))
    expect(byCode).toEqual(byParts)
    expect(byCode).toMatchObject({ probes: 3 })
  })

  test('is the same with code and without, when the budget runs out too', () => {
    const random = createRandom(seed)
    const styles = Object.values(SET_STYLES)
    let spent = 0
    for (let round = 0; round < SETS; round += 1) {
      const style = { ...(styles[round % styles.length] ?? fail()), isNarrow: true }
      const set = drawSet(random, style, { rules: random.pick([1, 5, 31, 32, 33, 64]), events: EVENTS_PER_SET })
      const [parts, code] = [SIEVED, CODED].map((tuning) => createTunedMatcher(tuning, set.rules))
      if (parts === undefined || code === undefined) fail()
      for (const drawn of set.events) {
        const event = random.chance(0.5) ? drawn : { ...drawn, payload: putInArrays(random, drawn.payload) }
        for (const steps of [STEPS, random.below(100)]) {
          const byParts = measure(parts, event, steps)
          expect({ event, ...measure(code, event, steps) }).toEqual({ event, ...byParts })
          if (byParts.answer === 'too expensive') spent += 1
        }
      }
    }
    expect(spent).toBeGreaterThan(SETS)
  }, 60_000)

  test('is not counted twice when the code leaves an event to the parts half-way', () => {
    const rules = [
      makeRule('1', { payloadFilter: makeFilter({ text: [{ $startsWith: 'x' }, { $endsWith: 'y' }] }) }),
      makeRule('2', { contextFilter: makeFilter({ a: [{ $startsWith: 'x' }], b: [{ $startsWith: 'x' }] }) }),
    ]
    for (const odd of [null, [], 7]) {
      for (const event of [
        { payload: { text: 'xx' }, context: odd },
        { payload: odd, context: { a: 'y', b: 'x' } },
      ]) {
        const [byParts, byCode] = [SIEVED, CODED].map((tuning) =>
          measure(createTunedMatcher(tuning, rules), makeEventCase(event), STEPS),
        )
        expect({ event, ...byCode }).toEqual({ event, ...byParts })
      }
    }
  })
})

interface Measured {
  readonly answer: unknown
  /** Steps, probes and candidates; none where the budget ran out, as it does not matter then by how much. */
  readonly steps?: number
  readonly probes?: number
  readonly candidates?: number
}

/** What an event costs, and the answer. */
function measure(matcher: EventMatcher, event: EventCase, steps: number): Measured {
  const budget = createWorkBudget(steps)
  const before = matcher.stats()
  let answer: unknown
  try {
    answer = matcher.match(toMatchable(event, { budget }), new Date(event.nowMs))
  } catch (error) {
    if (error instanceof FilterTooExpensiveError) return { answer: 'too expensive' }
    if (!(error instanceof RequestPayloadError)) throw error
    answer = error.name
  }
  const { probes, candidates } = matcher.stats()
  return {
    answer,
    steps: steps - budget.stepsLeft,
    probes: probes - before.probes,
    candidates: candidates - before.candidates,
  }
}

/** Puts some of the objects in a value into arrays, some of those beside others. */
function putInArrays(random: Random, value: Json, depth = 0): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((element) => putInArrays(random, element, depth + 1))
  const below = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, putInArrays(random, each, depth + 1)]),
  )
  if (depth === 0 || random.chance(0.4)) return below
  return random.pick<Json>([[below], [below, value], [7, value, [below]], [below, {}, below]])
}

function fail(): never {
  throw new Error('nothing was drawn')
}
