import { describe, expect, test } from '@jest/globals'
import type { Json } from '../json.js'
import { explainFilter } from './explain-filter.js'
import { parseFilter } from './parse-filter.js'

function explain(filter: Json, value: Json) {
  const parsing = parseFilter(filter)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  const explanation = explainFilter(parsing.filter, value)
  return explanation.matches ? undefined : explanation.failure
}

describe('explainFilter', () => {
  test('says that a filter matches', () => {
    expect(explain({ a: ['x'] }, { a: 'x' })).toBeUndefined()
  })

  test.each([
    [{ a: ['x'] }, { a: 'y' }, ['/a', '/a', '"x"', 'y']],
    [{ a: ['x', 'z'] }, { a: 'y' }, ['/a', '/a', 'one of "x", "z"', 'y']],
    [{ b: [1], a: ['x'] }, { a: 'x' }, ['/b', '/b', '1', undefined]],
    [{ a: [{ $gt: 1 }, { $lt: 9, $gte: 5 }] }, { a: 3 }, ['/a/1/$gte', '/a', 'a number of at least 5', 3]],
    [{ a: { 'b/c': [true] } }, { a: { 'b/c': null } }, ['/a/b~1c', '/a/b~1c', 'true', null]],
    [{ a: { b: [1] } }, {}, ['/a/b', '/a/b', '1', undefined]],
    [{ a: { b: [1] } }, { a: [{ b: 2 }] }, ['/a/b', '/a/0/b', '1', 2]],
    [
      { a: { b: [1] } },
      { a: [{ b: 2 }, { b: 3 }] },
      ['/a', '/a', 'one element that satisfies this whole filter', [{ b: 2 }, { b: 3 }]],
    ],
    [{ a: { b: [1] } }, { a: [] }, ['/a', '/a', 'one element that satisfies this whole filter', []]],
    [{ a: { $contains: [1], b: [1] } }, { a: [{ b: 1 }] }, ['/a/$contains', '/a', 'to contain [1]', [{ b: 1 }]]],
    [{ $or: [{ a: [1] }, { b: [1] }] }, { a: 2 }, ['/$or', '', 'at least one of these 2 filters to match', { a: 2 }]],
    [{ $and: [{ a: [2] }, { b: [1] }] }, { a: 2 }, ['/$and/1/b', '/b', '1', undefined]],
    [{ $nor: [{ a: [1] }, { a: [2] }] }, { a: 2 }, ['/$nor/1', '', 'this filter not to match', { a: 2 }]],
    [{ c: { $nor: [{ a: [2] }] } }, { c: { a: 2 } }, ['/c/$nor/0', '/c', 'this filter not to match', { a: 2 }]],
    [{ $equals: [1] }, [2], ['/$equals', '', 'to equal [1]', [2]]],
    [{ a: [] }, null, ['/a', '', 'a payload that is not null', null]],
    [{ $or: [{ a: [] }] }, null, ['/$or', '', 'at least one of these 1 filters to match', null]],
    [{ a: [{ $exists: true }] }, {}, ['/a/0/$exists', '/a', 'to be present', undefined]],
    [
      { a: [{ $length: { $gte: 2 } }] },
      { a: 'x' },
      ['/a/0/$length', '/a', 'a string or an array whose length is a number of at least 2', 'x'],
    ],
    [{ a: [{ $anythingBut: ['x', 'y'] }] }, { a: 'x' }, ['/a/0/$anythingBut', '/a', 'anything but "x", "y"', 'x']],
    [
      { a: [{ $cidr: '10.0.0.0/8' }] },
      { a: '1.1.1.1' },
      ['/a/0/$cidr', '/a', 'an IP address in "10.0.0.0/8"', '1.1.1.1'],
    ],
  ] as [Json, Json, [string, string, string, unknown]][])(
    '%j on %j',
    (filter, value, [pointer, path, expected, actual]) => {
      expect(explain(filter, value)).toEqual({ pointer, path, expected, actual })
    },
  )

  test('shortens what is long, on both sides', () => {
    const literals = Array.from({ length: 1_000 }, (_, index) => `id-${index}`)
    const failure = explain({ a: literals }, { a: `${'x'.repeat(199)}😀${'y'.repeat(100_000)}` })
    expect(failure?.expected).toBe('one of "id-0", "id-1", "id-2", "id-3", "id-4" or 995 more')
    expect(failure?.actual).toBe(`${'x'.repeat(199)}…`)
    expect(explain({ a: ['x'.repeat(10_000)] }, {})?.expected).toHaveLength(201)
    expect(explain({ a: ['x'] }, { a: Array(1_000).fill(1) })?.actual).toBe('an array of 1000 elements')
    expect(explain({ a: ['x'] }, { a: { text: 'x'.repeat(1_000), b: 1 } })?.actual).toBe('an object with 2 properties')
    const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) as Json
    expect(explain({ a: ['x'] }, { a: deep })?.actual).toBe('an array of 1 elements')
  })
})
