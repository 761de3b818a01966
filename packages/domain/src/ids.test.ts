import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { createId, firstIdAt, isUuid } from './ids.js'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function readMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

afterEach(() => {
  jest.restoreAllMocks()
})

describe('createId', () => {
  test('gives valid UUIDv7, all different, each greater than the one before', () => {
    const ids = Array.from({ length: 50_000 }, createId)
    for (const id of ids) expect(id).toMatch(UUID_V7)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.toSorted()).toEqual(ids)
  })

  test('carries the time at which it was made', () => {
    // Ids of a burst may have run ahead of the clock: a far later moment is ahead of them all.
    const later = Date.now() + 1_000_000
    jest.spyOn(Date, 'now').mockReturnValue(later)
    expect(readMs(createId())).toBe(later)
  })

  test('keeps the order when the clock steps back, and within one millisecond beyond 4,096 ids', () => {
    const start = Date.now() + 2_000_000
    const clock = jest.spyOn(Date, 'now').mockReturnValue(start)
    const before = Array.from({ length: 5_000 }, createId)
    clock.mockReturnValue(start - 60_000)
    const after = Array.from({ length: 5_000 }, createId)
    const ids = [...before, ...after]
    expect(ids.toSorted()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
    expect(readMs(ids.at(-1) ?? '') - start).toBeLessThanOrEqual(3)
  })

  test('uses all of its random bits', () => {
    const ids = Array.from({ length: 2_000 }, createId)
    for (let position = 20; position < 36; position++) {
      if (position === 23) continue
      const seen = new Set(ids.map((id) => id[position]))
      expect([position, seen.size]).toEqual([position, 16])
    }
  })
})

describe('firstIdAt', () => {
  test('lies before every id of its millisecond and after every id of the one before', () => {
    const start = Date.now() + 3_000_000
    const clock = jest.spyOn(Date, 'now').mockReturnValue(start - 1)
    const before = createId()
    clock.mockReturnValue(start)
    const at = createId()
    expect(before < firstIdAt(new Date(start))).toBe(true)
    expect(firstIdAt(new Date(start)) <= at).toBe(true)
    expect(firstIdAt(new Date(start))).toMatch(UUID_V7)
  })

  test('a time before 1970 is the first of all', () => {
    expect(firstIdAt(new Date(-5))).toBe('00000000-0000-7000-8000-000000000000')
  })
})

describe('isUuid', () => {
  test.each([
    ['018f4ad0-0000-7000-8000-000000000000', true],
    ['018F4AD0-0000-7000-8000-00000000ABCD', true],
    ['018f4ad0-0000-7000-8000-00000000000', false],
    ['018f4ad000007000800000000000000', false],
    ['018f4ad0-0000-7000-8000-000000000000 ', false],
    ['018f4ad0-0000-7000-8000-000000000000\n', false],
    ['g18f4ad0-0000-7000-8000-000000000000', false],
    ['', false],
  ])('%j: %s', (text, expected) => {
    expect(isUuid(text)).toBe(expected)
  })
})
