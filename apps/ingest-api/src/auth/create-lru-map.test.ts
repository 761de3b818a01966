import { expect, test } from '@jest/globals'
import { createLruMap } from './create-lru-map.js'

test('the entry that was not used for longest goes first', () => {
  const map = createLruMap<number>(3)
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const)
    map.set(key, value)
  expect(map.get('a')).toBe(1)
  map.set('d', 4)
  expect([map.get('a'), map.get('b'), map.get('c'), map.get('d'), map.size]).toEqual([1, undefined, 3, 4, 3])
})

test('the newest entry stays the newest when it is read, and can be deleted', () => {
  const map = createLruMap<number>(2)
  map.set('a', 1)
  map.set('b', 2)
  expect([map.get('b'), map.get('a'), map.get('a')]).toEqual([2, 1, 1])
  map.set('c', 3)
  expect(map.get('b')).toBeUndefined()
  map.delete('c')
  map.set('c', 5)
  expect([map.get('c'), map.size]).toEqual([5, 2])
})
