import { describe, expect, test } from '@jest/globals'
import type { Json } from '../json.js'
import { compileContains, containsJson, countTriedContainers } from './contains-json.js'
import { createWorkBudget } from './work-budget.js'

describe('containsJson', () => {
  test.each([
    [['a'], 'a', true],
    ['a', ['a'], false],
    ['a', 'a', true],
    [null, null, true],
    [[null], null, true],
    [{ a: ['x'] }, { a: 'x' }, false],
    [[['x']], ['x'], false],
    [[['x']], [['x']], true],
    [[1, 2, 3], [3, 1, 3], true],
    [[1, 2], [], true],
    [{}, [], false],
    [[], {}, false],
    [[{ a: 1, b: 2 }], [{ a: 1 }], true],
    [[{ a: 1 }, { b: 2 }], [{ a: 1, b: 2 }], false],
    [[{ a: 1 }], { a: 1 }, false],
    [{ a: 1 }, {}, true],
    [{ a: { b: [1, { c: 2 }] } }, { a: { b: [{}] } }, true],
    [{ a: null }, { a: null }, true],
    [{}, { a: null }, false],
    [{ a: 1 }, { a: '1' }, false],
    [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], true],
    [[1, 2, 3, 4, 5, 5], [6, 5, 4, 3, 2, 1], false],
    [[1, '2', true, null, 5], ['1', 2, true, null, 5], false],
    [[0], [-0], true],
    [{}, { toString: {} }, false],
    [undefined, {}, false],
    [undefined, null, false],
  ] as [Json | undefined, Json, boolean][])('%j @> %j: %s', (value, operand, expected) => {
    expect(containsJson(value, operand)).toBe(expected)
  })

  test('a compiled operand keeps nothing from one value to the next', () => {
    const compiled = compileContains([1, 2, 3, 4, 5, 6])
    const test_ = (value: Json) => compiled(value, createWorkBudget())
    expect(test_([1, 2, 3])).toBe(false)
    expect(test_([4, 5, 6, 7, 8, 9])).toBe(false)
    expect(test_([6, 5, 4, 3, 2, 1])).toBe(true)
  })

  test('counts the containers that stand in arrays, at any level', () => {
    expect(countTriedContainers({ a: { b: {} } })).toBe(0)
    expect(countTriedContainers([1, 'x', null])).toBe(0)
    expect(countTriedContainers([[], {}, 1])).toBe(2)
    expect(countTriedContainers({ a: [{ b: [[]] }] })).toBe(2)
  })

  test('long lists of scalars take one pass', () => {
    // One search for each scalar would take 10^9 steps.
    const operand = Array.from({ length: 10_000 }, (_, index) => `id-${index}`)
    const value = [...Array.from({ length: 90_000 }, (_, index) => `no-${index}`), ...operand.toReversed()]
    expect(containsJson(value, operand)).toBe(true)
    expect(containsJson(value, [...operand, 'missing'])).toBe(false)
  }, 2_000)
})
