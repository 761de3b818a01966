import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Json } from '../json.js'
import type { FilterLiteral } from './filter-tree.js'
import { findLeafHolds, prepareOperand } from './leaf-test.js'
import { createWorkBudget } from './work-budget.js'

const literal = fc.oneof(
  fc.constantFrom<FilterLiteral>(
    true,
    false,
    0,
    -0,
    1,
    -1.5,
    1e21,
    '',
    '0',
    '1',
    'true',
    'a',
    'A',
    'é',
    '\ud800',
    '😀',
  ),
  fc.string({ maxLength: 3 }),
  fc.integer({ min: -20, max: 20 }),
)
const other = fc.constantFrom<Json | undefined>(null, undefined, [], ['a'], {}, { a: 1 })

test('a value is one of many literals when it is one of the list, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(literal, { maxLength: 40 }), fc.oneof(literal, other), (operand, value) => {
      const isAmong = value !== undefined && (operand as Json[]).includes(value)
      for (const [operator, expected] of [
        ['oneOf', isAmong],
        ['$anythingBut', !isAmong],
      ] as const) {
        const prepared = prepareOperand({ at: '', operator, operand })
        expect(findLeafHolds(operator)(value, prepared, createWorkBudget())).toBe(expected)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('a long list is the same in any order: it is kept once', () => {
  const list = Array.from({ length: 50 }, (_, index) => (index % 3 === 0 ? `x${index}` : index))
  expect(prepareOperand({ at: '', operator: 'oneOf', operand: list })).toEqual(
    prepareOperand({ at: '', operator: 'oneOf', operand: list.toReversed() }),
  )
})
