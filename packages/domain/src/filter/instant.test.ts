import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compareInstants, parseInstant } from './instant.js'

function compare(a: string, b: string): number {
  const left = parseInstant(a)
  const right = parseInstant(b)
  if (left === undefined || right === undefined) throw new Error('no date')
  return Math.sign(compareInstants(left, right))
}

describe('parseInstant', () => {
  test.each([
    ['2026-11-20', '2026-11-20T00:00:00Z', 0],
    ['2026-11-20T17:30', '2026-11-20T17:30:00Z', 0],
    ['2026-11-20T17:30:00+01:00', '2026-11-20T16:30:00Z', 0],
    ['2026-11-20T17:30:00-01:30', '2026-11-20T19:00:00Z', 0],
    ['2026-11-20t17:30:00z', '2026-11-20T17:30:00.000Z', 0],
    ['2026-11-20T17:30:00.1Z', '2026-11-20T17:30:00.10Z', 0],
    ['2026-11-20T17:30:00.1Z', '2026-11-20T17:30:00.09Z', 1],
    ['2026-11-20T17:30:00,1Z', '2026-11-20T17:30:00.1000000001Z', -1],
    ['1969-12-31T23:59:59.9Z', '1970-01-01', -1],
    ['0001-01-01', '0099-12-31', -1],
    ['2024-02-29', '2024-03-01', -1],
  ])('%s against %s: %i', (a, b, expected) => {
    expect(compare(a, b)).toBe(expected)
    expect(compare(b, a)).toBe(expected === 0 ? 0 : -expected)
  })

  test.each([
    '',
    'now',
    '2026',
    '2026-11',
    '2026-11-31',
    '2x26-11-20T17:30:00Z',
    '2026-1x-20T17:30:00Z',
    '2026-11-x0T17:30:00.000Z',
    '2026-11-20T1x:30:00Z',
    '2026-11-20T17:30:00.0x0Z',
    '2023-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-11-20T24:00:00Z',
    '2026-11-20T12:60:00Z',
    '2026-11-20T12:00:60Z',
    '2026-11-20T12:00:00+24:00',
    '2026-11-20T12:00:00+01:60',
    '2026-11-20 12:00:00Z',
    '2026-11-20T12Z',
    '2026-11-20Z',
    '20 Nov 2026',
    '11/20/2026',
    '1763659800000',
    ' 2026-11-20',
    `2026-11-20T12:00:00.${'1'.repeat(100)}Z`,
  ])('%j is no date', (text) => expect(parseInstant(text)).toBeUndefined())

  test('orders dates as Date does', () => {
    const date = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(date, date, (a, b) => {
        expect(compare(a.toISOString(), b.toISOString())).toBe(Math.sign(a.getTime() - b.getTime()))
      }),
      { numRuns: 1_000 },
    )
  })
})
