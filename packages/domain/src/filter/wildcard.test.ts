import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compileWildcard } from './wildcard.js'

/** Slow and plainly right: tries every split. */
function matchesSlowly(text: string, pattern: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('*')) {
    return matchesSlowly(text, pattern.slice(1)) || (text !== '' && matchesSlowly(text.slice(1), pattern))
  }
  return text[0] === pattern[0] && matchesSlowly(text.slice(1), pattern.slice(1))
}

describe('compileWildcard', () => {
  test.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything\nat all', true],
    ['**', '', true],
    ['a*', 'a', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'acb', false],
    ['*b*', 'abc', true],
    ['a*bc*c', 'abc', false],
    ['order.*', 'order.created', true],
    ['order.*', 'orderXcreated', false],
    ['a?c', 'abc', false],
    ['a.c', 'abc', false],
    ['A*', 'abc', false],
    ['\\*', '\\x', true],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(compileWildcard(pattern)(text)).toBe(expected)
  })

  test('answers as trying every split does', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
    fc.assert(
      fc.property(text, pattern, (someText, somePattern) => {
        expect(compileWildcard(somePattern)(someText)).toBe(matchesSlowly(someText, somePattern))
      }),
      { numRuns: 3_000 },
    )
  })

  test('long parts are found as short ones are', () => {
    const filler = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 60 })
    const part = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 33, maxLength: 40 })
    fc.assert(
      fc.property(fc.tuple(filler, part, filler), fc.boolean(), ([before, middle, after], isChanged) => {
        const text = before + (isChanged ? `${middle.slice(0, -1)}c` : middle) + after
        expect(compileWildcard(`*${middle}*`)(text)).toBe(text.includes(middle))
      }),
      { numRuns: 1_000 },
    )
  })

  test('a pattern made to be slow takes linear time', () => {
    // Tried place by place, each of these takes some 10^10 steps: minutes.
    const text = 'a'.repeat(512 * 1024)
    const half = 'a'.repeat(32 * 1024)
    expect(compileWildcard(`*${half}b${half}*`)(text)).toBe(false)
    expect(compileWildcard(`*b${half}*`)(text)).toBe(false)
    expect(compileWildcard(`${'a*'.repeat(32 * 1024)}b`)(text)).toBe(false)
    expect(compileWildcard(`${'*a'.repeat(32 * 1024)}*b*`)(text)).toBe(false)
  }, 5_000)
})
