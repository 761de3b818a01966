import { describe, expect, test } from '@jest/globals'
import { type Json, findOwnProperty, findUnstorableText, isDeeperThan, measureExtent, toJsonPointer } from './json.js'

function nest(depth: number, innermost: Json): Json {
  let value = innermost
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

describe('isDeeperThan', () => {
  test.each([
    [5, 0, false],
    [null, 0, false],
    ['x', 0, false],
    [[], 0, true],
    [{}, 0, true],
    [[], 1, false],
    [{ a: [1] }, 1, true],
    [{ a: [1] }, 2, false],
    [[1, {}, [[]]], 2, true],
    [[1, {}, [[]]], 3, false],
  ] as [Json, number, boolean][])('%j is deeper than %i: %s', (value, depthMax, expected) => {
    expect(isDeeperThan(value, depthMax)).toBe(expected)
  })

  test('a million levels do not exhaust the stack', () => {
    const value = nest(1_000_000, 1)
    expect(isDeeperThan(value, 64)).toBe(true)
    expect(isDeeperThan(value, 1_000_000)).toBe(false)
    expect(isDeeperThan(value, 999_999)).toBe(true)
  })

  test('a cycle is deeper than any number', () => {
    const cycle: Json[] = []
    cycle.push(cycle)
    expect(isDeeperThan(cycle, 64)).toBe(true)
  })
})

describe('measureExtent', () => {
  test.each([
    ['x', 9, 0],
    [{}, 9, 1],
    [[[], { a: { b: [] } }, []], 9, 4],
    [[[], { a: { b: [] } }, []], 4, 4],
  ] as [Json, number, number][])('%j, looked at %i deep: %i', (value, depthMax, expected) => {
    expect(measureExtent(value, depthMax).depth).toBe(expected)
  })

  test('of what is deeper than that, one level more and no further', () => {
    expect(measureExtent(nest(1_000_000, 1), 64).depth).toBe(65)
  })

  test.each([
    [[1, -2_147_483_648, 'x', null, true], 22, 0],
    [{ a: 0.5, b: { c: 1e20 } }, 50, 0],
    [1e21, 25 + 21, 21],
    [[1e300, -1e-300, 5e-324], 75 + 300 + 300 + 324, 300 + 300 + 324],
  ] as [Json, number, number][])('the numbers of %j take up to %i characters, %i saved', (value, characters, saved) => {
    const { numberCharacters, savedCharacters } = measureExtent(value, 9)
    expect([numberCharacters, savedCharacters]).toEqual([characters, saved])
  })
})

describe('findUnstorableText', () => {
  test.each([
    ['\0', ''],
    ['a\0b', ''],
    ['\ud800', ''],
    ['\udc00\ud800', ''],
    [{ a: [1, 'x\0'] }, '/a/1'],
    [{ a: { b: '\udfff' }, c: '\0' }, '/a/b'],
    [{ a: { b: 'fine' }, c: '\0' }, '/c'],
    [{ a: [[], {}, ['fine']], 'b/~': '\0' }, '/b~1~0'],
    [{ 'k\0': 1 }, '/k\0'],
    [{ a: { '\udbff': {} } }, '/a/\udbff'],
    [[[['\0']]], '/0/0/0'],
  ] as [Json, string][])('%j: %j', (value, pointer) => {
    expect(findUnstorableText(value)).toBe(pointer)
  })

  test.each([null, 1, '', 'x', '😀', '\u0001\uffff', {}, [], { a: [1, { b: null }], '😀': '\\u0000' }] as Json[])(
    '%j can be stored',
    (value) => expect(findUnstorableText(value)).toBeUndefined(),
  )

  test('a million levels do not exhaust the stack', () => {
    expect(findUnstorableText(nest(1_000_000, 'x'))).toBeUndefined()
    expect(findUnstorableText(nest(1_000, '\0'))).toHaveLength(2_000)
  })
})

describe('findOwnProperty', () => {
  test('sees own properties of objects only', () => {
    const value = JSON.parse('{"__proto__": 1, "a": null}') as Json
    expect(findOwnProperty(value, '__proto__')).toBe(1)
    expect(findOwnProperty(value, 'a')).toBeNull()
    expect(findOwnProperty({}, '__proto__')).toBeUndefined()
    expect(findOwnProperty({}, 'toString')).toBeUndefined()
    expect(findOwnProperty(['x'], '0')).toBeUndefined()
    expect(findOwnProperty(['x'], 'length')).toBeUndefined()
    expect(findOwnProperty('x', 'length')).toBeUndefined()
    expect(findOwnProperty(null, 'a')).toBeUndefined()
    expect(findOwnProperty(undefined, 'a')).toBeUndefined()
  })
})

test('a JSON pointer escapes ~ and /', () => {
  expect(toJsonPointer([])).toBe('')
  expect(toJsonPointer(['a/b', 0, '~1', ''])).toBe('/a~1b/0/~01/')
})
