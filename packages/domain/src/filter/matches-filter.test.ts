import { describe, expect, test } from '@jest/globals'
import type { Json } from '../json.js'
import { compileFilter } from './compile-filter.js'
import { explainFilter } from './explain-filter.js'
import type { Filter } from './filter.js'
import { matchesFilter } from './matches-filter.js'
import { parseFilter } from './parse-filter.js'

function getFilter(input: Json): Filter {
  const parsing = parseFilter(input)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  return parsing.filter
}

/** The one answer of the evaluator, the compiled filter and the explanation. */
function matches(filter: Json, value: Json): boolean {
  const parsed = getFilter(filter)
  const answer = matchesFilter(parsed, value)
  expect(compileFilter(parsed)(value)).toBe(answer)
  expect(explainFilter(parsed, value).matches).toBe(answer)
  return answer
}

/** What may stand under the key `a`, in the order of the columns below. */
const COLUMNS: readonly (readonly [string, Json])[] = [
  ['absent', {}],
  ['null', { a: null }],
  ['[]', { a: [] }],
  ['["x"]', { a: ['x'] }],
  ['[1]', { a: [1] }],
  ['{}', { a: {} }],
  ['{"b": 1}', { a: { b: 1 } }],
  ['"x"', { a: 'x' }],
  ['"y"', { a: 'y' }],
  ['1', { a: 1 }],
  ['2', { a: 2 }],
  ['true', { a: true }],
  ['false', { a: false }],
]

describe('every operator on every kind of value', () => {
  test.each([
    // condition, then for each column: + holds, - does not
    //                              absent null [] ["x"] [1] {} {b} "x" "y" 1 2 true false
    [[], '+++++++++++++'],
    [['x'], '-------+-----'],
    [['x', 'z'], '-------+-----'],
    [[1], '---------+---'],
    [[true], '-----------+-'],
    [[{ $startsWith: 'x' }], '-------+-----'],
    [[{ $startsWith: '' }], '-------++----'],
    [[{ $endsWith: 'x' }], '-------+-----'],
    [[{ $ignoreCaseEquals: 'X' }], '-------+-----'],
    [[{ $exists: true }], '-++++++++++++'],
    [[{ $exists: false }], '+------------'],
    [[{ $isNull: true }], '-+-----------'],
    [[{ $isNull: false }], '+-+++++++++++'],
    [[{ $anythingBut: 'x' }], '+++++++-+++++'],
    [[{ $anythingBut: [] }], '+++++++++++++'],
    [[{ $anythingBut: [1, 2] }], '+++++++++--++'],
    [[{ $not: 'x' }], '--+-+---+++++'],
    [[{ $not: 1 }], '--++---++-+++'],
    [[{ $not: true }], '--+++--++++-+'],
    [[{ $gt: 1 }], '----------+--'],
    [[{ $gte: 1 }], '---------++--'],
    [[{ $lt: 2 }], '---------+---'],
    [[{ $lte: 2 }], '---------++--'],
    [[{ $between: [1, 1] }], '---------+---'],
    [[{ $includes: 'x' }], '---+---------'],
    [[{ $includes: 1 }], '----+--------'],
    [[{ $contains: 'x' }], '---+---+-----'],
    [[{ $contains: null }], '-+-----------'],
    [[{ $contains: [] }], '--+++--------'],
    [[{ $contains: ['x'] }], '---+---------'],
    [[{ $contains: {} }], '-----++------'],
    [[{ $contains: { b: 1 } }], '------+------'],
    [[{ $equals: 'x' }], '-------+-----'],
    [[{ $equals: null }], '-+-----------'],
    [[{ $equals: [] }], '--+----------'],
    [[{ $equals: [1] }], '----+--------'],
    [[{ $equals: {} }], '-----+-------'],
    [[{ $equals: { b: 1 } }], '------+------'],
    [[{ $wildcard: '*' }], '-------++----'],
    [[{ $wildcard: 'x*' }], '-------+-----'],
    [[{ $cidr: '0.0.0.0/0' }], '-------------'],
    [[{ $before: '9999-01-01' }], '-------------'],
    [[{ $after: '0001-01-01' }], '-------------'],
    [[{ $length: 0 }], '--+----------'],
    [[{ $length: 1 }], '---++--++----'],
    [[{ $length: { $gte: 0, $lt: 1 } }], '--+----------'],
    [[{ $length: { $anythingBut: 0 } }], '---++--++----'],
    [[{ $length: { $not: 1 } }], '--+----------'],
    [{}, '+++++++++++++'],
    [{ b: [] }, '++---++++++++'],
    [{ b: [1] }, '------+------'],
    [{ b: [{ $exists: false }] }, '++---+-++++++'],
    [{ b: [{ $anythingBut: 1 }] }, '++---+-++++++'],
    [{ b: [{ $isNull: false }] }, '++---++++++++'],
    [{ b: [{ $not: 2 }] }, '------+------'],
    [{ $contains: {} }, '-----++------'],
    [{ $contains: 'x' }, '---+---+-----'],
    [{ $contains: null }, '-+-----------'],
    [{ $equals: null }, '-+-----------'],
    [{ $equals: [1] }, '----+--------'],
    [{ $or: [{ b: [1] }, { $equals: 'x' }] }, '------++-----'],
    [{ $or: [{ $equals: [1] }, { $equals: 'x' }] }, '----+--+-----'],
    [{ $and: [{ b: [1] }, { $contains: {} }] }, '------+------'],
    [{ $nor: [{ b: [1] }] }, '++---+-++++++'],
    [{ $nor: [{ $equals: null }] }, '+-+++++++++++'],
    [{ $nor: [{}] }, '-------------'],
  ] as [Json, string][])('%j: %s', (condition, expected) => {
    const answers = COLUMNS.map(([, value]) => (matches({ a: condition }, value) ? '+' : '-')).join('')
    expect(answers).toBe(expected)
  })
})

describe('a payload that is no object', () => {
  test.each([
    [{}, '++++'],
    [{ a: [] }, '-+++'],
    [{ a: {} }, '-+++'],
    [{ a: [1] }, '----'],
    [{ a: [{ $exists: false }] }, '-+++'],
    [{ a: { b: [{ $exists: false }] } }, '-+++'],
    [{ length: [1] }, '----'],
    [{ '0': [1] }, '----'],
    [{ $equals: null }, '+---'],
    [{ $contains: 1 }, '-++-'],
    [{ $contains: [1] }, '--+-'],
    [{ $or: [{ a: [] }, { $equals: null }] }, '++++'],
    [{ $and: [{ a: [] }] }, '-+++'],
    [{ $nor: [{ a: [] }] }, '+---'],
  ] as [Json, string][])('%j on null, 1, [1], "x": %s', (filter, expected) => {
    expect([null, 1, [1], 'x'].map((value) => (matches(filter, value) ? '+' : '-')).join('')).toBe(expected)
  })
})

describe('operators with texts that they read', () => {
  test.each([
    [{ $startsWith: 'Jo' }, 'John', true],
    [{ $startsWith: 'jo' }, 'John', false],
    [{ $endsWith: 'HN' }, 'John', false],
    [{ $ignoreCaseEquals: 'ÉCOLE' }, 'école', true],
    [{ $ignoreCaseEquals: 'ecole' }, 'école', false],
    [{ $wildcard: 'J*n' }, 'John', true],
    [{ $wildcard: 'j*n' }, 'John', false],
    [{ $cidr: '10.0.0.0/8' }, '10.200.0.1', true],
    [{ $cidr: '10.0.0.0/8' }, '::ffff:10.200.0.1', true],
    [{ $cidr: '10.0.0.0/8' }, '2001:db8::1', false],
    [{ $cidr: '2001:db8::/32' }, '2001:db8::1', true],
    [{ $before: '2026-11-20T12:00:00Z' }, '2026-11-20T12:59:59+01:00', true],
    [{ $before: '2026-11-20T12:00:00Z' }, '2026-11-20T12:00:00Z', false],
    [{ $before: '2026-11-20T12:00:00Z' }, 'soon', false],
    [{ $after: '2026-11-20' }, '2026-11-20T00:00:00.001Z', true],
    [{ $after: '2026-11-20' }, '2026-11-20', false],
    [{ $length: 1 }, '😀', true],
    [{ $length: { $between: [2, 3] } }, 'abc', true],
    [{ $length: { $between: [2, 3] } }, 'abcd', false],
    [{ $equals: 'x', $startsWith: 'x' }, 'x', true],
    [{ $startsWith: 'x', $endsWith: 'y' }, 'xz', false],
  ] as [Json, string, boolean][])('%j on %j: %s', (operators, text, expected) => {
    expect(matches({ a: [operators] }, { a: text })).toBe(expected)
  })

  test('numbers that are dates or addresses to someone are neither here', () => {
    expect(matches({ a: [{ $before: '9999-01-01' }] }, { a: 0 })).toBe(false)
    expect(matches({ a: [{ $cidr: '0.0.0.0/0' }] }, { a: 167772161 })).toBe(false)
  })
})

describe('deep equality', () => {
  test.each([
    [{ x: 1, y: [null] }, { y: [null], x: 1 }, true],
    [{ x: 1 }, { x: 1, y: 2 }, false],
    [{ x: 1, y: 2 }, { x: 1 }, false],
    [[1, 2], [2, 1], false],
    [[1, 2], [1, 2, 3], false],
    [[1, 'x', null, true], [1, 'x', null, true], true],
    [1, '1', false],
    [0, -0, true],
    [{ a: null }, {}, false],
    [{}, [], false],
    [[], {}, false],
    [null, {}, false],
  ] as [Json, Json, boolean][])('%j equals %j: %s', (operand, value, expected) => {
    expect(matches({ a: [{ $equals: operand }] }, { a: value })).toBe(expected)
    expect(matches({ $equals: operand }, value)).toBe(expected)
  })
})

describe('a nested filter on an array', () => {
  const value: Json = { a: [{ b: 1, c: 2 }, { b: 2, c: 1 }, 5, null, ['x']] }

  test.each([
    [{ b: [1], c: [2] }, true],
    [{ b: [1], c: [1] }, false],
    [{ $or: [{ b: [1] }, { b: [3] }], c: [2] }, true],
    [{ $or: [{ b: [1] }, { b: [3] }], c: [1] }, false],
    [{ $and: [{ b: [1] }, { c: [1] }] }, false],
    [{ $nor: [{ b: [1] }] }, true],
    [{ $nor: [{ b: [1] }, { b: [2] }] }, false],
    [{ $contains: [5, { b: 2 }] }, true],
    [{ $contains: [5, { b: 3 }] }, false],
    [{ $contains: 5, b: [1] }, true],
    [{ $contains: 6, b: [1] }, false],
    [{ $contains: { b: 1 } }, false],
    [{ $or: [{ $contains: 6 }, { $contains: 5 }] }, true],
    [{ $and: [{ b: [1] }, { $contains: { c: 2 } }] }, true],
    [{ $and: [{ b: [1] }, { $contains: { c: 1 } }] }, false],
    [{ length: [5] }, false],
    [{ '0': ['x'] }, false],
  ] as [Json, boolean][])('%j: %s', (nested, expected) => {
    expect(matches({ a: nested }, value)).toBe(expected)
  })
})

describe('hostile keys', () => {
  const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '']

  test.each(keys)('%j is a key like any other', (key) => {
    const filter = Object.fromEntries([[key, ['x']]])
    const nested = Object.fromEntries([[key, filter]])
    expect(matches(filter, Object.fromEntries([[key, 'x']]))).toBe(true)
    expect(matches(filter, Object.fromEntries([[key, 'y']]))).toBe(false)
    expect(matches(filter, {})).toBe(false)
    expect(matches(nested, Object.fromEntries([[key, Object.fromEntries([[key, 'x']])]]))).toBe(true)
    expect(matches(nested, {})).toBe(false)
    expect(matches(Object.fromEntries([[key, [{ $exists: true }]]]), {})).toBe(false)
    expect(matches({ $contains: Object.fromEntries([[key, {}]]) }, {})).toBe(false)
    expect(matches({ $equals: Object.fromEntries([[key, {}]]) }, {})).toBe(false)
  })

  test('an operand named like the prototype changes nothing', () => {
    const filter = JSON.parse('{"$equals": {"__proto__": {"a": 1}}}') as Json
    expect(matches(filter, JSON.parse('{"__proto__": {"a": 1}}') as Json)).toBe(true)
    expect(matches(filter, { a: 1 })).toBe(false)
  })

  test('a name with a dollar sign that is no word is a key', () => {
    expect(matches({ $ref: ['x'] }, { $ref: 'x' })).toBe(true)
  })
})
