import { describe, expect, test } from '@jest/globals'
import type { Json } from '../json.js'
import { compileFilter } from './compile-filter.js'
import { explainFilter } from './explain-filter.js'
import type { Filter } from './filter.js'
import { matchesFilter } from './matches-filter.js'
import { parseFilter } from './parse-filter.js'
import { createWorkBudget, EVENT_STEPS_MAX, FilterTooExpensiveError, type WorkBudget } from './work-budget.js'

function getFilter(input: Json): Filter {
  const parsing = parseFilter(input)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  return parsing.filter
}

function repeat<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** Steps that one evaluation takes; throws when they are more than a budget has. */
function count(evaluate: (budget: WorkBudget) => unknown, steps = EVENT_STEPS_MAX): number {
  const budget = createWorkBudget(steps)
  evaluate(budget)
  return steps - budget.stepsLeft
}

const objects = repeat(60_000, () => ({ b: 1 }))
const dates = repeat(10_000, () => ({ b: '2026-01-01T00:00:00Z' }))
const wideObject = Object.fromEntries(repeat(40_000, (index) => [`k${index}`, 1]))
const text = 'x'.repeat(250_000)

/** Filters within every limit, each of which would take seconds on an event within every limit. */
const HOSTILE: [name: string, filter: Json, value: Json][] = [
  ['a filter for elements', { $nor: repeat(900, (i) => ({ a: { b: [i + 5] } })) }, { a: objects }],
  ['dates of elements', { $nor: repeat(900, () => ({ a: { b: [{ $before: '2020-01-01' }] } })) }, { a: dates }],
  ['addresses of elements', { $nor: repeat(900, () => ({ a: { b: [{ $cidr: '::/0' }] } })) }, { a: dates }],
  ['$length of a text', { a: repeat(900, (i) => ({ $length: { $gte: i } })) }, { a: text }],
  ['$contains of objects', { $nor: repeat(200, (i) => ({ a: { $contains: [{ b: i + 5 }] } })) }, { a: objects }],
  ['$contains of scalars', { $nor: repeat(900, (i) => ({ a: { $contains: [i] } })) }, { a: objects }],
  ['$contains of one scalar', { $nor: repeat(900, (i) => ({ a: { $contains: i } })) }, { a: objects }],
  [
    '$contains of many scalars',
    { $nor: repeat(900, () => ({ a: { $contains: [1, 2, 3, 4, 5, 6] } })) },
    { a: objects },
  ],
  ['$includes', { $nor: repeat(900, (i) => ({ a: [{ $includes: i }] })) }, { a: objects }],
  ['$not', { a: repeat(900, (i) => ({ $not: i })) }, { a: objects }],
  ['$wildcard', { $nor: repeat(900, (i) => ({ a: [{ $wildcard: `*xxxxxxy${i}*` }] })) }, { a: text }],
  ['$ignoreCaseEquals', { $nor: repeat(900, (i) => ({ a: [{ $ignoreCaseEquals: `é${i}` }] })) }, { a: text }],
  ['$equals', { $nor: repeat(900, () => ({ a: { $equals: {} } })) }, { a: wideObject }],
]

describe('hostile filters', () => {
  test.each(HOSTILE)('%s: end with an error, by their steps', (_name, input, value) => {
    const filter = getFilter(input)
    const left = [matchesFilter, evaluateCompiled, explainFilter].map((evaluate) => {
      const budget = createWorkBudget()
      expect(() => evaluate(filter, value, budget)).toThrow(FilterTooExpensiveError)
      return budget.stepsLeft
    })
    // No single charge is larger than one scan, so that the work ends soon after its budget.
    for (const steps of left) expect(steps).toBeGreaterThan(-500_000)
    expect(left[1]).toBe(left[0])
    expect(() => matchesFilter(filter, value)).toThrow(expect.objectContaining({ code: 'filter_too_expensive' }))
    expect(() => compileFilter(filter)(value)).toThrow(FilterTooExpensiveError)
    expect(() => explainFilter(filter, value)).toThrow(FilterTooExpensiveError)
  })
})

function evaluateCompiled(filter: Filter, value: Json, budget: WorkBudget): boolean {
  return compileFilter(filter)(value, budget)
}

describe('steps', () => {
  test.each<[Json, Json, number]>([
    [{}, {}, 0],
    [{ a: ['x'] }, { a: 'x' }, 1],
    [{ a: ['x'], b: [{ $gt: 1, $lt: 3 }] }, { a: 'x', b: 2 }, 3],
    // 1 + 2 for the filter, and 2 for each of three elements.
    [{ a: { b: [1], c: [1] } }, { a: repeat(3, () => ({ b: 2 })) }, 9],
    // Two inside of each other: 1 + 1 + 1; of two elements, 2 each; of their two elements, 1 each.
    [{ a: { b: { c: [1] } } }, { a: repeat(2, () => ({ b: [{}, {}] })) }, 11],
    [{ a: [{ $includes: 1 }] }, { a: repeat(400, () => 0) }, 101],
    [{ a: [{ $length: 400 }] }, { a: 'x'.repeat(400) }, 102],
    [{ a: { $contains: [{ b: 1 }] } }, { a: repeat(10, () => ({})) }, 4 + 10 * 2],
  ])('%j takes a known number of them', (input, value, expected) => {
    const filter = getFilter(input)
    expect(count((budget) => matchesFilter(filter, value, budget))).toBe(expected)
    expect(count((budget) => evaluateCompiled(filter, value, budget))).toBe(expected)
  })

  test('a budget is shared by what it is given to, and stays used up', () => {
    const matches = compileFilter(getFilter({ a: ['x'] }))
    const budget = createWorkBudget(2)
    expect([matches({ a: 'x' }, budget), matches({ a: 'y' }, budget)]).toEqual([true, false])
    expect(() => matches({ a: 'x' }, budget)).toThrow(FilterTooExpensiveError)
    expect(() => matches({ a: 'x' }, budget)).toThrow(FilterTooExpensiveError)
  })

  test('a long list of literals is answered alike before and after it becomes a set', () => {
    const matches = compileFilter(getFilter({ a: repeat(20, (index) => `x${index}`) }))
    const answers = repeat(40, (index) => [matches({ a: 'x19' }), matches({ a: `y${index}` }), matches({})])
    expect(answers).toEqual(repeat(40, () => [true, false, false]))
  })
})
