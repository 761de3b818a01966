import { describe, expect, test } from '@jest/globals'
import { type EventCase, toMatchable } from '../../test/matcher/draw-rules.js'
import { makeEventCase, makeFilter, makeRule } from '../../test/matcher/make-rules.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createRandom, type Random } from '../../test/matcher/random.js'
import type { DispatcherRule } from '../dispatcher.js'
import { createWorkBudget, type Filter, FilterTooExpensiveError, matchesFilter } from '../filter/index.js'
import type { Json, JsonObject } from '../json.js'
import type { EventMatcher } from './event-matcher.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

const SIEVED = TUNINGS['few rules all at once from the first event on'] ?? fail()
const CODED = TUNINGS['few rules all at once, by code of their own, from the first event on'] ?? fail()

const SETS = 60
const EVENTS_PER_SET = 80
const STEPS = 1_000_000

/** Where a filter stands that sees the items. */
const PARTS = ['payload', 'context'] as const

describe(`elements of arrays and few rules (seed ${seed})`, () => {
  test.each<[string, JsonObject, Json, boolean]>([
    ['one element has both', { a: [1], b: [2] }, [{ a: 1 }, { a: 1, b: 2 }], true],
    ['two have one each', { a: [1], b: [2] }, [{ a: 1 }, { b: 2 }], false],
    ['both ask for the same element', { $and: [{ a: [1] }, { b: [2] }] }, [{ a: 1 }, { b: 2 }], false],
    ['an object in its place', { a: [1], b: [2] }, { a: 1, b: 2 }, true],
    ['there is no element', { a: [{ $exists: false }] }, [], false],
    ['absent in an element', { a: [{ $exists: false }] }, [{ a: 1 }, {}], true],
    ['absent in none', { a: [{ $exists: false }] }, [{ a: 1 }, { a: null }], false],
    ['absent as of what is no object', { a: [{ $exists: false }] }, [1, 'a', null, true], false],
    ['no object among the elements', { a: [{ $anythingBut: [1] }] }, [7, null, [], 'a'], false],
    ['only in an array inside', { a: [1] }, [[{ a: 1 }], 7], false],
    ['beside an array inside', { a: [1] }, [[{ a: 2 }], { a: 1 }], true],
    ['null in an element', { a: [{ $isNull: true }] }, [{}, { a: null }], true],
    ['null in none', { a: [{ $isNull: true }] }, [{}, { a: 0 }], false],
    ['not null, as it is absent', { a: [{ $isNull: false }], b: [2] }, [{ a: null, b: 2 }, { b: 2 }], true],
    ['another value in the right one', { a: [{ $anythingBut: [1] }], b: [2] }, [{ a: 1, b: 2 }, { a: 2 }], false],
    ['an array as the value', { a: [1] }, [{ a: [1] }], false],
    ['between two ends', { a: [{ $gte: 2, $lt: 5 }] }, [{ a: 1 }, { a: 5 }, { a: 4 }], true],
    ['each end in another', { a: [{ $gte: 2, $lt: 5 }] }, [{ a: 1 }, { a: 5 }], false],
    ['a range of no number', { a: [{ $gte: 2 }] }, [{ a: '3' }, { a: null }, {}], false],
    ['a key that objects have', { constructor: [{ $exists: false }], a: [1] }, [{ a: 1 }], true],
    ['a key that objects have, wanted', { constructor: [{ $exists: true }], a: [1] }, [{ a: 1 }], false],
  ])('%s: %j on %j', (_, filter, items, isWanted) => {
    for (const part of PARTS) {
      for (const tuning of [SIEVED, CODED]) {
        const matcher = createTunedMatcher(tuning, makeSeeing(part, [{ items: filter }]))
        const { answer, candidates } = measure(matcher, makeEventCase({ [part]: { items } }))
        // Nothing is tried in full: what does not match is no candidate.
        expect({ answer, candidates }).toEqual({ answer: isWanted ? ['0'] : [], candidates: isWanted ? 1 : 0 })
      }
    }
  })

  test.each<[string, JsonObject, Json, boolean]>([
    [
      'two filters, an element each',
      { $and: [{ items: { a: [1] } }, { items: { b: [2] } }] },
      [{ a: 1 }, { b: 2 }],
      true,
    ],
    ['also of the same key', { $and: [{ items: { a: [1] } }, { items: { a: [2] } }] }, [{ a: 1 }, { a: 2 }], true],
    ['a filter with alternatives', { items: { $or: [{ a: [1] }, { b: [2] }] } }, [{ b: 2 }], true],
    ['a test of another kind', { items: { a: [1], b: [{ $startsWith: 'x' }] } }, [{ a: 1, b: 'x' }], true],
    [
      'a test of another kind elsewhere',
      { items: { a: [1], b: [{ $startsWith: 'x' }] } },
      [{ a: 1 }, { b: 'x' }],
      false,
    ],
    ['elements of a value', { items: { a: [1], b: [{ $includes: 2 }] } }, [{ a: 1 }, { b: [2] }], false],
    ['a filter below', { items: { a: [1], c: { d: [2] } } }, [{ a: 1, c: { d: 2 } }], true],
    ['a filter below, elsewhere', { items: { a: [1], c: { d: [2] } } }, [{ a: 1 }, { c: { d: 2 } }], false],
    ['arrays in arrays', { items: { c: { a: [1], b: [2] } } }, [{ c: [{ a: 1 }, { a: 1, b: 2 }] }], true],
    ['arrays in arrays, each in another', { items: { c: { a: [1], b: [2] } } }, [{ c: [{ a: 1 }, { b: 2 }] }], false],
    ['as a whole', { items: { $contains: [{ a: 1 }], a: [1] } }, [{ a: 1 }], true],
  ])('what is more than that is tried in full: %s', (_, filter, items, isWanted) => {
    for (const part of PARTS) {
      for (const tuning of [SIEVED, CODED]) {
        const matcher = createTunedMatcher(tuning, makeSeeing(part, [filter, { items: { a: [1], b: [2] } }]))
        const { answer } = measure(matcher, makeEventCase({ [part]: { items } }))
        expect(answer).toEqual(isWanted ? ['0'] : [])
      }
    }
  })

  test('a pattern wants its properties of elements in its own way', () => {
    const patterns: readonly JsonObject[] = [
      { detail: { items: { a: [1], b: [2] } } },
      { detail: { items: { a: [{ exists: false }] } } },
    ]
    const filters: readonly JsonObject[] = [{ items: { a: [1], b: [2] } }, { items: { a: [{ $exists: false }] } }]
    const rules = [
      ...patterns.map((pattern, index) =>
        makeRule(`pattern ${index}`, { filterLanguage: 'eventbridge', payloadFilter: pattern as Filter }),
      ),
      ...makeSeeing('payload', filters),
    ]
    const arrays: readonly Json[] = [[], [7], [{ a: 1 }, { b: 2 }], [[{ a: 1, b: 2 }]]]
    const answers = arrays.map((items) =>
      [SIEVED, CODED].map((tuning) => {
        return measure(createTunedMatcher(tuning, rules), makeEventCase({ payload: { items } })).answer
      }),
    )
    expect(answers).toEqual([['pattern 1'], ['pattern 1'], ['1'], ['pattern 0']].map((answer) => [answer, answer]))
  })

  test('many rules find what the evaluator finds, at the same cost with code and without', () => {
    const random = createRandom(seed)
    let [wanted, arrays] = [0, 0]
    for (let round = 0; round < SETS; round += 1) {
      const part = random.pick(PARTS)
      const count = random.pick([1, 4, 31, 32, 33, 64])
      const filters = Array.from({ length: count }, () => drawFilter(random))
      const rules = makeSeeing(part, filters)
      const [byParts, byCode] = [SIEVED, CODED].map((tuning) => createTunedMatcher(tuning, rules))
      if (byParts === undefined || byCode === undefined) fail()
      for (let index = 0; index < EVENTS_PER_SET; index += 1) {
        const body = { items: drawItems(random), other: drawItems(random), kind: random.below(3) }
        const event = makeEventCase({ [part]: body })
        const expected = rules.filter((_, place) => matchesFilter(makeFilter(filters[place] ?? fail()), body))
        const ids = expected.map(({ id }) => id).sort()
        const { answer } = measure(byParts, event)
        const missed = filters.filter(
          (_, place) => ids.includes(`${place}`) !== (answer as string[]).includes(`${place}`),
        )
        expect({ part, body, missed }).toEqual({ part, body, missed: [] })
        wanted += ids.length
        if (Array.isArray(body.items)) arrays += 1
        for (const steps of [STEPS, random.below(200)]) {
          const found = measure(byParts, event, steps)
          expect({ body, filters, ...measure(byCode, event, steps) }).toEqual({ body, filters, ...found })
        }
      }
    }
    expect(wanted).toBeGreaterThan(SETS * EVENTS_PER_SET)
    expect(arrays).toBeGreaterThan((SETS * EVENTS_PER_SET) / 2)
  }, 60_000)

  test('pay for each element, and for each property that is read of it', () => {
    const filters: readonly JsonObject[] = [{ items: { a: [1], b: [2] } }, { items: { c: [1] } }]
    const costs = [SIEVED, CODED].map((tuning) =>
      [0, 1, 50].map((length) => {
        const items = Array.from({ length }, () => ({ a: 1, b: 1 }))
        const matcher = createTunedMatcher(tuning, makeSeeing('payload', filters))
        return measure(matcher, makeEventCase({ payload: { items } })).steps
      }),
    )
    // An element, and a, b and c of it.
    expect(costs).toEqual([
      [3, 3 + 4, 3 + 50 * 4],
      [3, 3 + 4, 3 + 50 * 4],
    ])
  })
})

interface Measured {
  readonly answer: unknown
  readonly steps?: number
  readonly probes?: number
  readonly candidates?: number
}

function measure(matcher: EventMatcher, event: EventCase, steps = STEPS): Measured {
  const budget = createWorkBudget(steps)
  const before = matcher.stats()
  try {
    const { dispatcherIds } = matcher.match(toMatchable(event, { budget }), new Date(event.nowMs))
    const { probes, candidates } = matcher.stats()
    return {
      answer: dispatcherIds,
      steps: steps - budget.stepsLeft,
      probes: probes - before.probes,
      candidates: candidates - before.candidates,
    }
  } catch (error) {
    if (error instanceof FilterTooExpensiveError) return { answer: 'too expensive' }
    throw error
  }
}

function makeSeeing(part: (typeof PARTS)[number], filters: readonly JsonObject[]): DispatcherRule[] {
  const name = part === 'payload' ? 'payloadFilter' : 'contextFilter'
  return filters.map((filter, index) => makeRule(`${index}`, { [name]: makeFilter(filter) }))
}

const KEYS = ['a', 'b', 'c']

/** Mostly what elements decide, and of all that looks like it a little. */
function drawFilter(random: Random): JsonObject {
  const key = random.pick(['items', 'items', 'other'])
  const draw = (): JsonObject => ({ [key]: drawNode(random) })
  switch (random.below(12)) {
    case 0:
      return { $and: [draw(), draw()] }
    case 1:
      return { [key]: { $and: [drawNode(random), drawNode(random)] } }
    case 2:
      return { [key]: { ...drawNode(random), c: drawNode(random) } }
    case 3:
      return { [key]: { ...drawNode(random), $or: [drawNode(random), drawNode(random)] } }
    case 4:
      return { [key]: { ...drawNode(random), c: [random.pick<Json>([{ $startsWith: '1' }, { $includes: 1 }])] } }
    case 5:
      return { items: drawNode(random), other: drawNode(random) }
    case 6:
    case 7:
      return { ...draw(), kind: [random.below(3)] }
    default:
      return draw()
  }
}

function drawNode(random: Random): JsonObject {
  const keys = random.sample(KEYS, random.pick([1, 2, 2, 3]))
  return Object.fromEntries(keys.map((key) => [key, drawList(random)]))
}

function drawList(random: Random): Json[] {
  const number = random.below(3)
  return random.pick<Json[]>([
    [number],
    [number, 2],
    ['1', 'x'],
    [true],
    [{ $gte: number }],
    [{ $gt: number - 1, $lte: 1 }],
    [{ $between: [0, number] }],
    [{ $exists: random.chance(0.5) }],
    [{ $isNull: random.chance(0.5) }],
    [{ $anythingBut: [number] }],
    [{ $anythingBut: [number], $gte: 0 }],
    [{ $anythingBut: [number] }, { $exists: true }],
  ])
}

function drawItems(random: Random): Json {
  if (random.chance(0.15)) return random.pick<Json>([null, 7, 'text', [], [[]], [null, 7, 'x'], drawElement(random)])
  return Array.from({ length: random.below(5) }, () => drawElement(random))
}

function drawElement(random: Random): Json {
  if (random.chance(0.1)) return random.pick<Json>([null, 1, 'x', [], [{ a: 1, b: 1, c: 1 }]])
  const keys = random.sample(KEYS, random.below(4))
  return Object.fromEntries(keys.map((key) => [key, drawProperty(random)]))
}

function drawProperty(random: Random): Json {
  const number = random.below(3)
  return random.chance(0.7)
    ? number
    : random.pick<Json>([null, '1', 'x', true, [1], -0, {}, { a: number, b: number }, [{ a: number, b: 1 }]])
}

function fail(): never {
  throw new Error('there is none')
}
