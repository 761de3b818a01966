import { describe, expect, test } from '@jest/globals'
import type { Json } from '../json.js'
import {
  FILTER_BYTES_MAX,
  FILTER_CONDITIONS_MAX,
  FILTER_DEPTH_MAX,
  FILTER_ERRORS_MAX,
  type FilterError,
} from './filter.js'
import { PATTERN_OPERATORS } from './eventbridge/pattern-operands.js'
import { parseFilter } from './parse-filter.js'

function errorsOf(input: unknown): readonly FilterError[] {
  const parsing = parseFilter(input)
  return parsing.ok ? [] : parsing.errors
}

function placesOf(input: unknown): string[] {
  return errorsOf(input).map(({ pointer, code }) => `${pointer} ${code}`)
}

function nestFilter(levels: number, innermost: Json): Json {
  let filter = innermost
  for (let level = 1; level < levels; level += 1) filter = { a: filter }
  return filter
}

describe('a filter is refused, with a pointer', () => {
  test.each([
    [[], ' not_an_object'],
    [null, ' not_an_object'],
    ['x', ' not_an_object'],
    [undefined, ' not_an_object'],
    [{ a: 'x' }, '/a bare_scalar'],
    [{ a: 5 }, '/a bare_scalar'],
    [{ a: false }, '/a bare_scalar'],
    [{ a: null }, '/a null_literal'],
    [{ a: [null] }, '/a/0 null_literal'],
    [{ a: [['x']] }, '/a/0 nested_array'],
    [{ a: ['x', 1] }, '/a mixed_literals'],
    [{ a: [true, 1] }, '/a mixed_literals'],
    [{ a: ['x', { $gt: 1 }] }, '/a literals_with_operators'],
    [{ a: [{}] }, '/a/0 empty_operator'],
    [{ a: [{ $foo: 1 }] }, '/a/0/$foo unknown_operator'],
    [{ a: [{ b: ['x'] }] }, '/a/0/b unknown_operator'],
    [{ a: [JSON.parse('{"__proto__": 1}')] }, '/a/0/__proto__ unknown_operator'],
    [{ a: [{ $gt: 1, constructor: 1 }] }, '/a/0/constructor unknown_operator'],
    [{ a: { $gt: 1 } }, '/a/$gt misplaced_operator'],
    [{ $exists: true }, '/$exists misplaced_operator'],
    [{ a: { $length: 1 } }, '/a/$length misplaced_operator'],
    [{ a: [{ $or: [{}] }] }, '/a/0/$or misplaced_operator'],
    [{ $or: [] }, '/$or empty_alternatives'],
    [{ a: { $and: [] } }, '/a/$and empty_alternatives'],
    [{ $nor: [] }, '/$nor empty_alternatives'],
    [{ $or: { a: [1] } }, '/$or wrong_operand'],
    [{ $or: [{}, 'x'] }, '/$or/1 wrong_operand'],
    [{ $or: [{ 'a/b': 'x' }] }, '/$or/0/a~1b bare_scalar'],
    [{ a: Number.NaN }, '/a not_json'],
    [{ a: [{ $gt: Number.POSITIVE_INFINITY }] }, '/a/0/$gt not_json'],
    [{ a: undefined }, '/a not_json'],
    [{ a: [() => 1] }, '/a/0 not_json'],
    [{ a: new Date() }, '/a not_json'],
    [{ a: 1n }, '/a not_json'],
    [{ a: Array(1) }, '/a/0 not_json'],
    [{ a: ['x\0'] }, '/a/0 unstorable_text'],
    [{ a: [{ $equals: { '\ud800': 1 } }] }, '/a/0/$equals/\ud800 unstorable_text'],
  ] as [unknown, string][])('%j: %s', (input, expected) => {
    expect(placesOf(input)).toEqual([expected])
  })

  test.each([
    { $startsWith: 1 },
    { $endsWith: null },
    { $ignoreCaseEquals: ['x'] },
    { $wildcard: {} },
    { $exists: 'true' },
    { $exists: null },
    { $isNull: 1 },
    { $anythingBut: null },
    { $anythingBut: {} },
    { $anythingBut: ['x', 1] },
    { $anythingBut: [null] },
    { $anythingBut: [['x']] },
    { $not: null },
    { $not: ['x'] },
    { $not: {} },
    { $includes: null },
    { $includes: ['x'] },
    { $gt: '1' },
    { $gte: null },
    { $lt: true },
    { $lte: [1] },
    { $between: 1 },
    { $between: [1] },
    { $between: [1, 2, 3] },
    { $between: [2, 1] },
    { $between: ['1', '2'] },
    { $cidr: '10.0.0.0' },
    { $cidr: 10 },
    { $before: 'yesterday' },
    { $before: 0 },
    { $after: '2026-02-30' },
    { $length: -1 },
    { $length: 1.5 },
    { $length: '1' },
    { $length: null },
    { $length: [1] },
  ] as Json[])('%j has a wrong operand', (operators) => {
    const [name] = Object.keys(operators as object)
    expect(placesOf({ a: [operators] })).toEqual([`/a/0/${name} wrong_operand`])
  })

  test.each([
    [{}, '/a/0/$length empty_operator'],
    [{ $foo: 1 }, '/a/0/$length/$foo unknown_operator'],
    [{ $gt: '1' }, '/a/0/$length/$gt wrong_operand'],
    [{ $exists: true }, '/a/0/$length/$exists wrong_operand'],
    [{ $between: [2, 1] }, '/a/0/$length/$between wrong_operand'],
    [{ $length: 1 }, '/a/0/$length/$length wrong_operand'],
    [{ $anythingBut: ['x'] }, '/a/0/$length/$anythingBut wrong_operand'],
    [{ $or: [{}] }, '/a/0/$length/$or misplaced_operator'],
  ] as [Json, string][])('$length with %j: %s', (operand, expected) => {
    expect(placesOf({ a: [{ $length: operand }] })).toEqual([expected])
  })

  test('several errors are told at once, in order', () => {
    expect(placesOf({ a: 'x', b: { c: [null, ['x'], { $gt: 1 }] }, $or: [{ d: [{ $gt: 'x', $foo: 1 }] }] })).toEqual([
      '/a bare_scalar',
      '/b/c/0 null_literal',
      '/b/c/1 nested_array',
      '/$or/0/d/0/$gt wrong_operand',
      '/$or/0/d/0/$foo unknown_operator',
    ])
  })

  test('but no more than a page of them', () => {
    expect(errorsOf({ a: Array(500).fill(null) })).toHaveLength(FILTER_ERRORS_MAX)
  })

  test('every message is a short, plain sentence', () => {
    const long = 'x'.repeat(10_000)
    const inputs = [[], { a: long }, { $gt: 1 }, { a: [null] }, { $or: [] }, { a: ['x', 1] }]
    for (const { message } of inputs.flatMap(errorsOf)) {
      expect(message).toMatch(/^.{10,160}\.$/)
    }
    expect(errorsOf({ a: [{ [long]: 1 }] })[0]?.message.length).toBeLessThan(320)
  })

  test.each([
    ['gt', 'did you mean $gt?'],
    ['$gtt', 'did you mean $gt?'],
    ['$GTE', 'did you mean $gte?'],
    ['starts_with', 'did you mean $startsWith?'],
    ['$begins', 'In an object inside an array stand $startsWith, $endsWith,'],
    ['__proto__', 'In an object inside an array stand $startsWith, $endsWith,'],
    ['numeric', 'did you mean $gt, $gte, $lt, $lte or $between?'],
    ['prefix', 'did you mean $startsWith?'],
    ['anything-but', 'did you mean $anythingBut?'],
    ['exists', 'did you mean $exists?'],
  ])('of the unknown operator %s it is said what helps', (operator, says) => {
    const [error] = errorsOf({ a: [JSON.parse(`{"${operator}": 1}`)] })
    expect(error?.message).toContain(`"${operator}" is no operator`)
    expect(error?.message).toContain(says)
  })

  test('operators of EventBridge lead to its language, others do not', () => {
    const language = 'say "filterLanguage": "eventbridge".'
    for (const operator of PATTERN_OPERATORS) {
      const message = errorsOf({ a: [{ [operator]: 1 }] })[0]?.message
      expect(message).toContain(language)
      expect(message).toMatch(/did you mean \$/)
    }
    for (const operator of ['gt', '$foo'])
      expect(errorsOf({ a: [{ [operator]: 1 }] })[0]?.message).not.toContain(language)
  })
})

describe('an accepted filter', () => {
  test.each([
    {},
    { a: [] },
    { a: {} },
    { a: [1, 2.5, -3] },
    { a: [{ $anythingBut: [] }] },
    { a: [{ $between: [1, 1] }] },
    { a: [{ $gt: 1, $lt: 3 }, { $not: 2 }] },
    { a: [{ $equals: null }, { $contains: { b: [{}] } }] },
    { a: [{ $length: 0 }, { $length: { $gte: 1, $anythingBut: [2, 3] } }] },
    { a: [{ $cidr: '10.0.0.0/8' }, { $cidr: '::1/128' }, { $before: '2026-01-01' }, { $wildcard: '' }] },
    { $or: [{}], $and: [{ $nor: [{ a: ['x'] }] }], $contains: null, $equals: [1, 'x', null] },
    { 'a.b': ['x'], $ref: ['x'], '': ['x'] },
  ] as Json[])('%j is the input, unchanged', (input) => {
    const text = JSON.stringify(input)
    const parsing = parseFilter(input)
    expect(parsing).toEqual({ ok: true, filter: input })
    if (parsing.ok) expect(parsing.filter).toBe(input)
    expect(JSON.stringify(input)).toBe(text)
  })

  test('may have no prototype', () => {
    expect(parseFilter(Object.assign(Object.create(null), { a: ['x'] })).ok).toBe(true)
  })
})

describe('limits', () => {
  test('filters nest to the limit and no deeper', () => {
    expect(FILTER_DEPTH_MAX).toBe(16)
    expect(errorsOf(nestFilter(16, { a: [{ $length: { $anythingBut: [1] } }] }))).toEqual([])
    expect(placesOf(nestFilter(17, {}))).toEqual([`${'/a'.repeat(16)} too_deep`])
  })

  test('alternatives count as one level', () => {
    let filter: Json = { a: [{ $between: [1, 2] }] }
    for (let level = 1; level < 16; level += 1) filter = { $or: [filter] }
    expect(errorsOf(filter)).toEqual([])
    expect(placesOf({ $or: [filter] })).toEqual([`${'/$or/0'.repeat(16)} too_deep`])
  })

  test('the arrays and objects of an operand count as levels', () => {
    const operand = (levels: number): Json => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as Json
    expect(errorsOf({ $contains: operand(15) })).toEqual([])
    expect(placesOf({ $contains: operand(16) })).toEqual(['/$contains too_deep'])
    expect(errorsOf({ a: { b: [{ $equals: operand(14) }] } })).toEqual([])
    expect(placesOf({ a: { b: [{ $equals: operand(15) }] } })).toEqual(['/a/b/0/$equals too_deep'])
  })

  test('very deep, cyclic and self-sharing inputs are refused at once', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`) as Json
    expect(placesOf(deep)[0]).toMatch(/too_deep$/)
    const cycle: Record<string, unknown> = {}
    cycle['a'] = cycle
    expect(placesOf(cycle)[0]).toMatch(/too_deep$/)
    let shared: unknown = ['x']
    for (let level = 0; level < 30; level += 1) shared = [shared, shared, shared]
    expect(placesOf({ a: shared })).toEqual([' too_large'])
    expect(placesOf({ a: Array(1e9) })).toEqual([' too_large'])
  }, 2_000)

  test('the size is that of compact JSON in UTF-8', () => {
    expect(FILTER_BYTES_MAX).toBe(65_536)
    const overhead = '{"a":["",{"é":1.5,"b":[true,false,null]}]}'.length + 1
    const filter = (length: number) => ({ a: ['\n'.repeat(length), { é: 1.5, b: [true, false, null] }] })
    const fits = Math.floor((FILTER_BYTES_MAX - overhead) / 2)
    expect(Buffer.byteLength(JSON.stringify(filter(fits)))).toBeLessThanOrEqual(FILTER_BYTES_MAX)
    expect(placesOf(filter(fits))).toEqual(['/a literals_with_operators'])
    expect(Buffer.byteLength(JSON.stringify(filter(fits + 1)))).toBeGreaterThan(FILTER_BYTES_MAX)
    expect(placesOf(filter(fits + 1))).toEqual([' too_large'])
  })

  test('conditions are counted wherever they stand', () => {
    expect(FILTER_CONDITIONS_MAX).toBe(1_000)
    const makers: ((count: number) => Json)[] = [
      (count) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, ['x']])),
      (count) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, {}])),
      (count) => ({ a: Array.from({ length: count }, () => ({ $gt: 1 })) }),
      (count) => ({ a: Array.from({ length: count / 2 }, () => ({ $gt: 1, $lt: 2 })) }),
      (count) => ({ $or: Array.from({ length: count }, () => ({})) }),
      (count) => ({ a: { $or: Array.from({ length: count }, () => ({ $equals: 1 })) } }),
      (count) => ({ $contains: Array.from({ length: count - 1 }, () => []) }),
      (count) => ({ a: [{ $length: 1, $contains: { b: Array.from({ length: count - 2 }, () => ({})) } }] }),
    ]
    for (const make of makers) {
      expect(errorsOf(make(1_000))).toEqual([])
      expect(placesOf(make(1_002))).toEqual([' too_many_conditions'])
    }
  })

  test('a list of literals is one condition, however long', () => {
    expect(errorsOf({ a: Array.from({ length: 5_000 }, (_, index) => `id-${index}`) })).toEqual([])
    expect(errorsOf({ a: [{ $equals: Array(5_000).fill([]) }] })).toEqual([])
  })
})
