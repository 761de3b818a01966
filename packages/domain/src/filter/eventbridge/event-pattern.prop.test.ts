import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Json, type JsonObject, isJsonObject } from '../../json.js'
import { compileTree } from '../compile-filter.js'
import { explainTree } from '../explain-filter.js'
import type { FilterNode } from '../filter-tree.js'
import { matchesTree } from '../matches-filter.js'
import { createWorkBudget } from '../work-budget.js'
import { parseEventPattern } from './parse-event-pattern.js'
import { readEventPatternTree } from './read-event-pattern-tree.js'

/** Printed in the name of the suite, and by fast-check when a property fails. */
const seed = Date.now() % 2 ** 31

const KEYS = ['a', 'b', 'c', '__proto__']
const textArbitrary = fc.constantFrom(
  '',
  'a',
  'A',
  'ab',
  'aB',
  'ba',
  '*',
  'é',
  'É',
  'ß',
  'Σ',
  'ς',
  'İ',
  '1',
  '10.0.0.1',
)
const numberArbitrary = fc.constantFrom(-1, -0, 0, 1, 1.5, 2)
const scalarArbitrary = fc.oneof(textArbitrary, numberArbitrary, fc.boolean(), fc.constant(null))

function toObject<T>(entries: [string, T][]): { [key: string]: T } {
  return Object.fromEntries(entries)
}

function some<T>(arbitrary: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength })
}

const { event: eventArbitrary } = fc.letrec<{ event: JsonObject; value: Json }>((tie) => ({
  event: fc.array(fc.tuple(fc.constantFrom(...KEYS), tie('value')), { maxLength: 4 }).map(toObject),
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'event' },
    scalarArbitrary,
    tie('event') as fc.Arbitrary<Json>,
    fc.array(tie('value'), { maxLength: 4 }) as fc.Arbitrary<Json>,
    fc.array(tie('event'), { maxLength: 4 }) as fc.Arbitrary<Json>,
  ),
}))

const wildcardArbitrary = fc.constantFrom('*', 'a*', '*b', 'a*a', String.raw`\**`, String.raw`*\**`, 'ab', '*a*b*')
const caselessArbitrary = textArbitrary.map((text) => ({ 'equals-ignore-case': text }))
const affixArbitrary = textArbitrary.filter((text) => text !== '')

function oneOrMore(arbitrary: fc.Arbitrary<string>): fc.Arbitrary<Json> {
  return fc.oneof(arbitrary, some(arbitrary))
}

const operatorArbitrary: fc.Arbitrary<Json> = fc.oneof(
  ...['prefix', 'suffix'].map((name) =>
    fc.oneof(textArbitrary, caselessArbitrary).map((operand) => ({ [name]: operand })),
  ),
  textArbitrary.map((text) => ({ 'equals-ignore-case': text })),
  wildcardArbitrary.map((wildcard) => ({ wildcard })),
  fc
    .oneof(
      fc.oneof(textArbitrary, some(textArbitrary)) as fc.Arbitrary<Json>,
      fc.oneof(numberArbitrary, some(numberArbitrary)) as fc.Arbitrary<Json>,
      oneOrMore(affixArbitrary).map((prefix) => ({ prefix })),
      oneOrMore(affixArbitrary).map((suffix) => ({ suffix })),
      oneOrMore(textArbitrary).map((text) => ({ 'equals-ignore-case': text })),
      oneOrMore(wildcardArbitrary).map((wildcard) => ({ wildcard })),
    )
    .map((excluded) => ({ 'anything-but': excluded })),
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), numberArbitrary).map((numeric) => ({ numeric })),
  fc
    .tuple(fc.constantFrom('>', '>='), fc.constantFrom(-1, 0, 1), fc.constantFrom('<', '<='), fc.constantFrom(1.5, 2))
    .map((numeric) => ({ numeric })),
  fc.constantFrom<Json>({ exists: true }, { cidr: '10.0.0.0/8' }),
)

const ABSENT: Json[] = [{ exists: false }]

/** Patterns for which every reading of the documents gives one answer: no absence beside other alternatives, no key on both sides of `$or`. */
function patternArbitrary(hasOr: boolean): fc.Arbitrary<JsonObject> {
  const leaf = fc.oneof(
    { weight: 6, arbitrary: some(fc.oneof(scalarArbitrary, operatorArbitrary)) },
    { weight: hasOr ? 0 : 1, arbitrary: fc.constant(ABSENT) },
  )
  const { pattern } = fc.letrec<{ pattern: JsonObject; field: Json }>((tie) => ({
    pattern: some(fc.tuple(fc.constantFrom(...KEYS), tie('field')), 2).map(toObject),
    field: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'pattern' },
      leaf as fc.Arbitrary<Json>,
      tie('pattern') as fc.Arbitrary<Json>,
    ),
  }))
  if (!hasOr) return pattern
  return fc.tuple(pattern, some(pattern, 2), pattern).map(([all, alternatives, last]) => {
    const { c: _c, ...others } = all
    const either = [...alternatives, last].map(
      (each) => ({ c: Object.hasOwn(each, 'c') ? each['c'] : each }) as JsonObject,
    )
    return { ...others, $or: either }
  })
}

/** Also with absence anywhere. */
const anyPatternArbitrary = fc.oneof(
  patternArbitrary(false),
  patternArbitrary(true),
  patternArbitrary(true).map((pattern) => ({ ...pattern, b: [{ exists: false }, 'a', 1] }) as JsonObject),
  patternArbitrary(false).map((pattern) => ({ $or: [pattern, { a: ABSENT }] }) as JsonObject),
)

function readTree(input: Json): FilterNode {
  const parsing = parseEventPattern(input)
  if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.errors)}`)
  return readEventPatternTree(parsing.filter)
}

/** A scalar of an event, with the element of each array that it is in. */
interface Field {
  readonly path: string
  readonly value: Json
  readonly elements: ReadonlyMap<Json, number>
}

/** The event as EventBridge sees it: a list of scalars by path. */
function flatten(value: Json, path = '', elements: ReadonlyMap<Json, number> = new Map()): Field[] {
  if (Array.isArray(value)) {
    return value.flatMap((element, index) =>
      flatten(
        element,
        path,
        typeof element === 'object' && element !== null ? new Map([...elements, [value, index]]) : elements,
      ),
    )
  }
  if (!isJsonObject(value)) return [{ path, value, elements }]
  return Object.entries(value).flatMap(([key, child]) => flatten(child, `${path}/${key}`, elements))
}

type Branch = { readonly path: string; readonly leaf: Json[] }[]

/** The pattern as EventBridge compiles it: without `$or`, once for each combination of alternatives. */
function expand(pattern: JsonObject, path = ''): Branch[] {
  return Object.entries(pattern).reduce<Branch[]>(
    (branches, [key, wanted]) => {
      const added =
        key === '$or'
          ? (wanted as JsonObject[]).flatMap((each) => expand(each, path))
          : Array.isArray(wanted)
            ? [[{ path: `${path}/${key}`, leaf: wanted }]]
            : expand(wanted as JsonObject, `${path}/${key}`)
      return branches.flatMap((branch) => added.map((more) => [...branch, ...more]))
    },
    [[]],
  )
}

/** The two elements that fields are in; undefined when they are in different elements of one array. */
function join(a: Field['elements'], b: Field['elements']): Field['elements'] | undefined {
  for (const [array, index] of b) if ((a.get(array) ?? index) !== index) return undefined
  return new Map([...a, ...b])
}

function holdsBranch(branch: Branch, fields: readonly Field[], elements: Field['elements'] = new Map()): boolean {
  const positive = branch.find(({ leaf }) => leaf !== ABSENT)
  if (positive === undefined) {
    return branch.every(({ path }) => !fields.some((field) => field.path === path && join(elements, field.elements)))
  }
  const others = branch.filter((each) => each !== positive)
  return fields.some((field) => {
    const joined = field.path === positive.path ? join(elements, field.elements) : undefined
    return joined !== undefined && isTaken(positive.leaf, field.value) && holdsBranch(others, fields, joined)
  })
}

/** One scalar on a leaf, by the evaluator: what operators mean is held to the vectors. */
function isTaken(leaf: Json[], value: Json): boolean {
  return matchesTree(readTree({ it: leaf }), { it: value })
}

function check<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, predicate: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, predicate), { seed, numRuns })
}

describe(`event patterns of EventBridge (seed ${seed})`, () => {
  test('a compiled pattern and an explanation answer as the evaluator does, in as many steps', () => {
    const answers = { matches: 0, fails: 0 }
    check(
      fc.tuple(anyPatternArbitrary, fc.array(eventArbitrary, { minLength: 5, maxLength: 5 })),
      5_000,
      ([input, events]) => {
        const tree = readTree(input)
        const compiled = compileTree(tree)
        for (const event of events) {
          const [budget, compiledBudget] = [createWorkBudget(), createWorkBudget()]
          const answer = matchesTree(tree, event, budget)
          answers[answer ? 'matches' : 'fails'] += 1
          expect(compiled(event, compiledBudget)).toBe(answer)
          expect(compiledBudget).toEqual(budget)
          expect(explainTree(tree, event).matches).toBe(answer)
        }
      },
    )
    expect(answers.matches).toBeGreaterThan(2_000)
    expect(answers.fails).toBeGreaterThan(2_000)
  }, 60_000)

  test('arrays hold as in a list of all scalars with the elements that they are in', () => {
    const answers = { matches: 0, fails: 0 }
    const patterns = fc.oneof(patternArbitrary(false), patternArbitrary(true))
    check(fc.tuple(patterns, fc.array(eventArbitrary, { minLength: 5, maxLength: 5 })), 5_000, ([input, events]) => {
      const tree = readTree(input)
      const branches = expand(input)
      for (const event of events) {
        const fields = flatten(event)
        const answer = branches.some((branch) => holdsBranch(branch, fields))
        answers[answer ? 'matches' : 'fails'] += 1
        if (matchesTree(tree, event) !== answer)
          throw new Error(`not ${answer}: ${JSON.stringify(input)} on ${JSON.stringify(event)}`)
      }
    })
    expect(answers.matches).toBeGreaterThan(1_000)
    expect(answers.fails).toBeGreaterThan(1_000)
  }, 60_000)

  test('an explanation points at a part of the pattern', () => {
    check(fc.tuple(anyPatternArbitrary, eventArbitrary), 3_000, ([input, event]) => {
      const explanation = explainTree(readTree(input), event)
      if (explanation.matches) return
      const { pointer, path, expected } = explanation.failure
      expect(follow(input, pointer)).toBeDefined()
      expect(path.startsWith('/') || pointer === '/$or').toBe(true)
      expect(expected).not.toBe('')
    })
  }, 60_000)

  test('parsing never throws, and what it accepts can be evaluated', () => {
    const nearlyValid = fc
      .tuple(anyPatternArbitrary, eventArbitrary)
      .map(([pattern, part]) => ({ ...pattern, ...part }))
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      maxDepth: 5,
    })
    check(fc.tuple(fc.oneof(nearlyValid, eventArbitrary, anything), eventArbitrary), 5_000, ([input, event]) => {
      const parsing = parseEventPattern(input)
      if (!parsing.ok) {
        expect(parsing.errors.length).toBeGreaterThan(0)
        return
      }
      expect(parsing.filter).toBe(input)
      const tree = readEventPatternTree(parsing.filter)
      expect(compileTree(tree)(event)).toBe(matchesTree(tree, event))
    })
  }, 60_000)
})

/** What a JSON pointer points to. */
function follow(value: unknown, pointer: string): unknown {
  const tokens = pointer.split('/').slice(1)
  return tokens.reduce<unknown>((at, token) => {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    return (at as { [key: string]: unknown })[key]
  }, value)
}
