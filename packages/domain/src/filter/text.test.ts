import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compileIgnoreCaseEquals, countCodePoints } from './text.js'

const PRINTABLE_ASCII = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index))

describe('compileIgnoreCaseEquals', () => {
  test.each([
    ['john', 'JOHN', true],
    ['john', 'Joan', false],
    ['JOSÉ', 'josé', true],
    ['jose', 'josé', false],
    ['jose\u0301', 'JOSÉ', true],
    ['Ａｂｃ', 'abc', true],
    ['straße', 'STRASSE', false],
    ['jo\u00adhn', 'john', true],
    ['john\0', 'john', true],
    ['john ', 'john', false],
    ['\u212a', 'k', true],
    ['I', 'ı', false],
    ['', '', true],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(compileIgnoreCaseEquals(a)(b)).toBe(expected)
    expect(compileIgnoreCaseEquals(b)(a)).toBe(expected)
  })

  test('answers as the collator does, for every pair of printable ASCII characters', () => {
    const collator = new Intl.Collator('en', { sensitivity: 'accent' })
    for (const a of PRINTABLE_ASCII) {
      const equals = compileIgnoreCaseEquals(a)
      for (const b of PRINTABLE_ASCII) expect(equals(b)).toBe(collator.compare(a, b) === 0)
    }
  })

  test('answers as the collator does, for texts of all kinds', () => {
    const collator = new Intl.Collator('en', { sensitivity: 'accent' })
    const unit = fc.oneof(
      fc.constantFrom('a', 'A', 'é', 'É', 'ß', 'ﬀ', '\u0301', '\u00ad', 'Ａ', '-', ' '),
      fc.constantFrom(...PRINTABLE_ASCII),
    )
    const text = fc.string({ unit, maxLength: 4 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(compileIgnoreCaseEquals(a)(b)).toBe(collator.compare(a, b) === 0)
        expect(compileIgnoreCaseEquals(a)(a.toUpperCase())).toBe(collator.compare(a, a.toUpperCase()) === 0)
      }),
      { numRuns: 3_000 },
    )
  })
})

test('a text made to be slow is compared in no time, and equals itself alone', () => {
  const marks = (count: number): string => `e${'\u0301'.repeat(count)}${'\u0316'.repeat(count)}`
  const startedAt = performance.now()
  for (const operand of ['é', marks(5_000), marks(15), `${marks(60_000)}!`]) {
    const equals = compileIgnoreCaseEquals(operand)
    expect(equals(operand)).toBe(true)
    for (let count = 0; count < 20; count += 1) expect(equals(marks(60_000 - count))).toBe(false)
  }
  // Left to the collator, each takes some ten seconds.
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})

test('as many marks as languages have are compared', () => {
  expect(
    compileIgnoreCaseEquals(`E${'\u0316\u0301'.repeat(15)}`)(`e${'\u0301'.repeat(15)}${'\u0316'.repeat(15)}`),
  ).toBe(true)
  expect(compileIgnoreCaseEquals('صلى الله عليه وسلم')('ﷺ')).toBe(true)
})

test('a text is counted in code points', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '😀', '\ud83d', '\ude00', 'é') }), (text) => {
      expect(countCodePoints(text)).toBe([...text].length)
    }),
    { numRuns: 2_000 },
  )
})
