import { describe, expect, test } from '@jest/globals'
import { childTraceparent, parseTraceparent } from './traceparent.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const VALID = `00-${TRACE}-${PARENT}-01`
const bytesOf = (value: number) => (count: number) => new Uint8Array(count).fill(value)

describe('parseTraceparent', () => {
  test('a valid header is read', () => {
    expect(parseTraceparent(VALID)).toEqual({ version: '00', traceId: TRACE, parentId: PARENT, flags: 1 })
  })

  test('a later version is read as far as it is known', () => {
    expect(parseTraceparent(`cc-${TRACE}-${PARENT}-01-what-comes-later`)?.traceId).toBe(TRACE)
  })

  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['upper case', VALID.toUpperCase()],
    ['version ff', VALID.replace(/^00/, 'ff')],
    ['an all-zero trace id', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['an all-zero parent id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['more than version 00 has', `${VALID}-x`],
    ['a later version with unseparated rest', `cc-${TRACE}-${PARENT}-01x`],
    ['a short trace id', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['spaces around', ` ${VALID}`],
    ['a huge text', `01-${TRACE}-${PARENT}-01-${'x'.repeat(10_000)}`],
  ])('%s is refused', (_name, header) => {
    expect(parseTraceparent(header)).toBeUndefined()
  })
})

describe('childTraceparent', () => {
  test('keeps trace and sampled flag, and replaces the parent id', () => {
    const parent = parseTraceparent(`00-${TRACE}-${PARENT}-ff`)
    expect(childTraceparent(parent, bytesOf(0xab))).toBe(`00-${TRACE}-${'ab'.repeat(8)}-01`)
  })

  test('begins an unsampled trace without a parent', () => {
    expect(childTraceparent(undefined, bytesOf(0xab))).toBe(`00-${'ab'.repeat(16)}-${'ab'.repeat(8)}-00`)
  })

  test('what it writes can be parsed, whatever the random bytes', () => {
    expect(parseTraceparent(childTraceparent(undefined, bytesOf(0)))).toBeDefined()
  })
})
