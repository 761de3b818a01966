import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Json, type JsonObject, findUnstorableText, isJsonObject } from '../json.js'
import { compileFilter } from './compile-filter.js'
import { explainFilter } from './explain-filter.js'
import type { Filter } from './filter.js'
import { matchesFilter } from './matches-filter.js'
import { parseFilter } from './parse-filter.js'
import { createWorkBudget } from './work-budget.js'

/** Printed in the name of the suite, and by fast-check when a property fails. */
const seed = Date.now() % 2 ** 31

const keyArbitrary = fc.constantFrom('a', 'b', 'c', 'a.b', '0', 'length', '', '__proto__', 'constructor', '$ref', 'x/~')
const numberArbitrary = fc.constantFrom(-1, -0, 0, 1, 1.5, 2, 3, 1e21)
const textArbitrary = fc.constantFrom(
  '',
  'a',
  'A',
  'ab',
  'abc',
  'é',
  'É',
  'e\u0301',
  'ß',
  'SS',
  'Ａ',
  'a\u00ad',
  '😀',
  '1',
  'true',
  '10.0.0.1',
  '::ffff:10.0.0.1',
  '2001:db8::1',
  '2026-01-01',
  '2026-01-01T00:00:00.5Z',
  '2025-12-31T23:30:00-01:00',
)
const literalArbitrary = fc.oneof(textArbitrary, numberArbitrary, fc.boolean())
const literalsArbitrary = fc.oneof(
  fc.array(textArbitrary, { maxLength: 12 }),
  fc.array(numberArbitrary, { maxLength: 4 }),
  fc.array(fc.boolean(), { maxLength: 2 }),
)

/** `Object.fromEntries` makes own properties, also of `__proto__`. */
function toObject<T>(entries: [string, T][]): { [key: string]: T } {
  return Object.fromEntries(entries)
}

const { json: jsonArbitrary } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    fc.oneof(literalArbitrary, fc.constant(null)),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.array(fc.tuple(keyArbitrary, tie('json')), { maxLength: 4 }).map((entries) => toObject(entries)),
  ),
}))

/** Mostly objects: the keys of a filter see nothing else. */
const valueArbitrary: fc.Arbitrary<Json> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(fc.tuple(keyArbitrary, jsonArbitrary), { maxLength: 6 }).map((all) => toObject(all)),
  },
  { weight: 1, arbitrary: jsonArbitrary },
)

const betweenArbitrary = fc.tuple(numberArbitrary, numberArbitrary).map(([a, b]) => [Math.min(a, b), Math.max(a, b)])

function operator(name: string, operand: fc.Arbitrary<unknown>): fc.Arbitrary<[string, unknown]> {
  return operand.map((value) => [name, value])
}

const lengthArbitrary = fc.oneof(
  fc.nat({ max: 3 }),
  fc.record({ $gte: fc.nat({ max: 2 }), $lt: fc.nat({ max: 3 }) }),
  fc.record({ $between: betweenArbitrary }),
  fc.record({ $anythingBut: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }) }),
)

const operatorArbitrary = fc.oneof(
  ...['$startsWith', '$endsWith', '$ignoreCaseEquals'].map((name) => operator(name, textArbitrary)),
  ...['$exists', '$isNull'].map((name) => operator(name, fc.boolean())),
  ...['$gt', '$gte', '$lt', '$lte'].map((name) => operator(name, numberArbitrary)),
  ...['$not', '$includes'].map((name) => operator(name, literalArbitrary)),
  ...['$contains', '$equals'].map((name) => operator(name, jsonArbitrary)),
  operator('$anythingBut', fc.oneof(literalArbitrary, literalsArbitrary)),
  operator('$between', betweenArbitrary),
  operator('$wildcard', fc.string({ unit: fc.constantFrom('a', 'b', '*', '1', '.'), maxLength: 5 })),
  operator('$cidr', fc.constantFrom('10.0.0.0/8', '0.0.0.0/0', '::/0', '2001:db8::/32')),
  ...['$before', '$after'].map((name) => operator(name, fc.constantFrom('2026-01-01', '2026-01-01T00:00:00.25Z'))),
  operator('$length', lengthArbitrary),
)

const operatorsArbitrary = fc
  .array(operatorArbitrary, { minLength: 1, maxLength: 3 })
  .map((entries) => toObject(entries))

const { filter: filterArbitrary } = fc.letrec<{ filter: JsonObject; entry: [string, unknown] }>((tie) => ({
  filter: fc.array(tie('entry'), { maxLength: 3 }).map((entries) => toObject(entries) as JsonObject),
  entry: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'filter' },
    fc.tuple(keyArbitrary, fc.oneof(literalsArbitrary, fc.array(operatorsArbitrary, { maxLength: 2 }))),
    fc.tuple(fc.constantFrom('$contains', '$equals'), jsonArbitrary),
    fc.tuple(keyArbitrary, tie('filter')),
    fc.tuple(fc.constantFrom('$or', '$and', '$nor'), fc.array(tie('filter'), { minLength: 1, maxLength: 3 })),
  ) as fc.Arbitrary<[string, unknown]>,
}))

function getFilter(input: unknown): Filter {
  const parsing = parseFilter(input)
  if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.errors)}`)
  return parsing.filter
}

/** What a JSON pointer points to; undefined when that is absent. */
function follow(value: Json, pointer: string): Json | undefined {
  const tokens = pointer.split('/').slice(1)
  return tokens.reduce<Json | undefined>((at, token) => {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(at)) return at[Number(key)]
    return isJsonObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }, value)
}

function check<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, predicate: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, predicate), { seed, numRuns })
}

describe(`event filters (seed ${seed})`, () => {
  test('a compiled filter and an explanation answer as the evaluator does', () => {
    const answers = { matches: 0, fails: 0 }
    check(
      fc.tuple(filterArbitrary, fc.array(valueArbitrary, { minLength: 5, maxLength: 5 })),
      6_000,
      ([input, values]) => {
        const filter = getFilter(input)
        const compiled = compileFilter(filter)
        for (const value of values) {
          const [budget, compiledBudget] = [createWorkBudget(), createWorkBudget()]
          const answer = matchesFilter(filter, value, budget)
          answers[answer ? 'matches' : 'fails'] += 1
          expect(compiled(value, compiledBudget)).toBe(answer)
          // As many steps means that both also give up on the same events.
          expect(compiledBudget).toEqual(budget)
          expect(explainFilter(filter, value).matches).toBe(answer)
        }
      },
    )
    // A generator that makes only one answer would prove little.
    expect(answers.matches).toBeGreaterThan(3_000)
    expect(answers.fails).toBeGreaterThan(3_000)
  }, 60_000)

  test('an explanation points at a part of the filter and at what was there', () => {
    check(fc.tuple(filterArbitrary, valueArbitrary), 4_000, ([input, value]) => {
      const explanation = explainFilter(getFilter(input), value)
      if (explanation.matches) return
      const { pointer, path, expected, actual } = explanation.failure
      expect(follow(input, pointer)).toBeDefined()
      expect(expected).not.toBe('')
      // A pointer can't tell the key "0" of an array, which is never there, from its first element.
      if (Array.isArray(value)) return
      const there = follow(value, path)
      if (typeof actual === 'string' && typeof there === 'object') expect(actual).toMatch(/^an (array|object) /)
      else expect(actual).toEqual(there)
    })
  }, 60_000)

  test('$nor is the opposite of $or, $and of one filter is that filter', () => {
    check(fc.tuple(filterArbitrary, valueArbitrary), 3_000, ([input, value]) => {
      const answer = matchesFilter(getFilter(input), value)
      expect(matchesFilter(getFilter({ $or: [input] }), value)).toBe(answer)
      expect(matchesFilter(getFilter({ $and: [input, {}] }), value)).toBe(answer)
      expect(matchesFilter(getFilter({ $nor: [input] }), value)).toBe(!answer)
    })
  }, 60_000)

  test('neither the order of keys nor a trip through JSON changes an answer', () => {
    check(fc.tuple(filterArbitrary, valueArbitrary), 3_000, ([input, value]) => {
      const answer = matchesFilter(getFilter(input), value)
      const reversed = toObject(Object.entries(input).reverse())
      expect(matchesFilter(getFilter(reversed), value)).toBe(answer)
      expect(matchesFilter(getFilter(JSON.parse(JSON.stringify(input))), value)).toBe(answer)
    })
  }, 60_000)

  test('everything contains and equals itself', () => {
    check(jsonArbitrary, 2_000, (value) => {
      expect(matchesFilter(getFilter({ $contains: value, $equals: value }), value)).toBe(true)
    })
  })

  test('parsing never throws, and what it accepts can be evaluated', () => {
    const nearlyValid = fc.tuple(filterArbitrary, jsonArbitrary, fc.nat()).map(([filter, part, at]) => {
      const keys = Object.keys(filter)
      const key = keys[at % Math.max(1, keys.length)] ?? '$or'
      return { ...filter, [key]: part }
    })
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      maxDepth: 5,
    })
    check(fc.tuple(fc.oneof(nearlyValid, anything), valueArbitrary), 6_000, ([input, value]) => {
      const parsing = parseFilter(input)
      if (!parsing.ok) {
        expect(parsing.errors.length).toBeGreaterThan(0)
        return
      }
      expect(parsing.filter).toBe(input)
      expect(findUnstorableText(parsing.filter)).toBeUndefined()
      const answer = matchesFilter(parsing.filter, value)
      expect(compileFilter(parsing.filter)(value)).toBe(answer)
      expect(explainFilter(parsing.filter, value).matches).toBe(answer)
    })
  }, 60_000)

  test('every error points at a part of the input', () => {
    check(fc.dictionary(keyArbitrary, jsonArbitrary, { maxKeys: 4 }), 2_000, (input) => {
      const parsing = parseFilter(input)
      if (parsing.ok) return
      for (const { pointer } of parsing.errors) expect(follow(input, pointer)).toBeDefined()
    })
  })
})
