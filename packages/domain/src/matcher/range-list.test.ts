import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createRandom } from '../../test/matcher/random.js'
import { RangeList } from './range-list.js'

interface Range {
  low: number
  high: number
  owner: number
}

function stab(list: RangeList, value: number): number[] {
  const found: number[] = []
  list.stab(value, (owner) => void found.push(owner))
  return found.toSorted((a, b) => a - b)
}

function findAmong(ranges: readonly Range[], value: number): number[] {
  return ranges
    .filter(({ low, high }) => low <= value && value <= high)
    .map(({ owner }) => owner)
    .toSorted((a, b) => a - b)
}

const bound = fc.constantFrom(-Infinity, -3, -1, -0, 0, 1, 2, 5, 8, Infinity)
const range = fc.record({ low: bound, high: bound, owner: fc.nat(40) })

test('finds what a list of all ranges finds, whatever was added and removed', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ range, isRemoval: fc.boolean() }), { maxLength: 400 }), (steps) => {
      const list = new RangeList()
      let there: Range[] = []
      for (const { range: next, isRemoval } of steps) {
        const known = there.find(({ low, owner }) => low === next.low && owner === next.owner)
        if (isRemoval && known !== undefined) {
          // One owner's ranges from one bound on are removed together: which of them goes first is not said.
          const same = there.filter(({ low, owner }) => low === known.low && owner === known.owner)
          for (const one of same) list.remove(one.low, one.owner)
          there = there.filter((one) => !same.includes(one))
        } else if (!isRemoval) {
          list.add(next.low, next.high, next.owner)
          there.push(next)
        }
      }
      expect(list.size).toBe(there.length)
      for (const value of [-4, -3, -1, 0, 1.5, 5, 9]) expect(stab(list, value)).toEqual(findAmong(there, value))
    }),
    { numRuns: 300 },
  )
})

describe('removing takes about as long, whatever the ranges have in common', () => {
  const RANGES = 60_000
  const kinds: Readonly<Record<string, (index: number) => Range>> = {
    'nothing below': (owner) => ({ low: -Infinity, high: owner, owner }),
    'one bound': (owner) => ({ low: 7, high: owner, owner }),
    'nothing at all': (owner) => ({ low: owner, high: Infinity, owner }),
  }
  // Where each was looked for among all with its bound, this took minutes.
  test.each(Object.entries(kinds))('%s', (_, make) => {
    const list = new RangeList()
    const ranges = createRandom(1).sample(
      Array.from({ length: RANGES }, (__, index) => make(index)),
      RANGES,
    )
    for (const { low, high, owner } of ranges) list.add(low, high, owner)
    const full = list.bytes
    for (const { low, owner } of ranges) list.remove(low, owner)
    expect([list.size, list.bytes < full / 100]).toEqual([0, true])
  })
})
