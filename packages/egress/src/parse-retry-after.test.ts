import { describe, expect, it } from '@jest/globals'
import { parseRetryAfter } from './parse-retry-after.js'

const NOW_MS = Date.UTC(2026, 10, 2, 12, 0, 0)

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    [' 120 ', 120_000],
    ['0120', 120_000],
    ['9999999999', 9_999_999_999_000],
    ['Mon, 02 Nov 2026 12:00:30 GMT', 30_000],
    ['Monday, 02-Nov-26 12:00:30 GMT', 30_000],
    ['Mon Nov  2 12:00:30 2026', 30_000],
    ['Thu Nov 12 12:00:00 2026', 10 * 86_400_000],
    ['Mon, 02 Nov 2026 12:00:00 GMT', 0],
    ['Mon, 02 Nov 2026 11:59:59 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Mon, 02 Nov 2026 12:00:60 GMT', 60_000],
  ])('"%s" is %d ms', (value, delayMs) => {
    expect(parseRetryAfter(value, NOW_MS)).toBe(delayMs)
  })

  it.each([
    '',
    'soon',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    '10000000000',
    '9'.repeat(400),
    '120, 60',
    '2026-11-02T12:00:30Z',
    'Mon, 02 Nov 2026 12:00:30',
    'Mon, 02 Nov 2026 12:00:30 CET',
    'Mon, 02 Nov 2026 12:00:30 +0000',
    'Mon, 31 Feb 2026 12:00:30 GMT',
    'Mon, 00 Nov 2026 12:00:30 GMT',
    'Mon, 02 Nov 2026 24:00:30 GMT',
    'Mon, 02 Nov 2026 12:60:30 GMT',
    'Mon, 02 nov 2026 12:00:30 GMT',
  ])('"%s" says nothing', (value) => {
    expect(parseRetryAfter(value, NOW_MS)).toBeUndefined()
  })
})
