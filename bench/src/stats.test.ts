import { describe, expect, test } from '@jest/globals'
import { median, percentile, round } from './stats.js'

describe('stats', () => {
  test('the median is the middle value, or the mean of the two in the middle', () => {
    expect(median([9])).toBe(9)
    expect(median([10, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 10])).toBe(3.5)
    expect(() => median([])).toThrow(RangeError)
  })

  test('a percentile is the smallest value that as many do not exceed', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index)
    expect(percentile(values, 50)).toBe(100)
    expect(percentile(values, 99)).toBe(198)
    expect(percentile(values, 100)).toBe(200)
    expect(percentile([7], 1)).toBe(7)
    expect(() => percentile([], 50)).toThrow(RangeError)
  })

  test('numbers are sorted as numbers', () => {
    expect(median([100, 20, 3])).toBe(20)
    expect(percentile([100, 20, 3], 100)).toBe(100)
  })

  test('rounding keeps the decimals that were asked for', () => {
    expect(round(1.2345, 2)).toBe(1.23)
    expect(round(7_250.4)).toBe(7_250)
  })
})
