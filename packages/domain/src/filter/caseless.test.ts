import { describe, expect, test } from '@jest/globals'
import { compileCaseless, foldCase } from './caseless.js'
import { createWorkBudget } from './work-budget.js'

const CODE_POINT_MAX = 0x10ffff

describe('text without case', () => {
  test('folding keeps the length of every character, and folding again changes nothing', () => {
    for (let code = 0; code <= CODE_POINT_MAX; code += 1) {
      const character = String.fromCodePoint(code)
      const folded = foldCase(character)
      if (folded.length !== character.length) throw new Error(`U+${code.toString(16)} becomes longer or shorter`)
      if (foldCase(folded) !== folded) throw new Error(`U+${code.toString(16)} is folded twice`)
    }
  })

  test.each([
    ['AbC-1', 'abc-1'],
    ['ÆRØ', 'ærø'],
    ['ΑΣ', 'ασ'],
    ['İ', 'İ'],
    ['ẞ', 'ß'],
    ['𐐀', '𐐨'],
  ])('%s becomes %s, whatever stands beside it', (text, folded) => {
    expect(foldCase(text)).toBe(folded)
    expect(foldCase(`é${text}x`)).toBe(`é${folded}x`)
  })

  test.each([
    ['caselessEquals', 'Straße', 'STRAßE', 'STRASSE'],
    ['caselessPrefix', 'ΑΣ', 'ασβ', 'ας'],
    ['caselessPrefix', 'ab', 'ABC', 'A'],
    ['caselessSuffix', '.PNG', 'a.png', 'png'],
    ['caselessSuffix', '', '', undefined],
    // Half a pair of surrogates is no letter.
    ['caselessPrefix', '𐐀', '𐐨x', '\ud801'],
  ] as const)('%s %s takes %s and not %s', (operator, operand, taken, refused) => {
    const holds = compileCaseless({ operator, operand })
    expect(holds(taken, createWorkBudget())).toBe(true)
    if (refused !== undefined) expect(holds(refused, createWorkBudget())).toBe(false)
  })

  test('only a text of a length that can match costs more than a look', () => {
    const holds = compileCaseless({ operator: 'caselessEquals', operand: 'x'.repeat(1_000) })
    const budget = createWorkBudget(1_000)
    expect(holds('x'.repeat(100_000), budget)).toBe(false)
    expect(holds('X'.repeat(1_000), budget)).toBe(true)
    expect(budget.stepsLeft).toBe(0)
  })
})
