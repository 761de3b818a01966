import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { keyOf, type Signature, takeOut } from './signature.js'

test('what is taken out leaves all others where they say they are', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (picks) => {
      const list = Array.from({ length: 40 }, (_, id) => ({ id, place: id, gatePlace: -1 }) as unknown as Signature)
      const left = new Set(list)
      for (const pick of picks) {
        const signature = list[pick % Math.max(list.length, 1)]
        if (signature === undefined) continue
        takeOut(list, signature, 'place')
        left.delete(signature)
        expect(new Set(list)).toEqual(left)
        for (const [place, one] of list.entries()) expect(one.place).toBe(place)
      }
    }),
  )
})

test('keys differ where features or ranges do', () => {
  const keys = [keyOf([1], -1), keyOf([1, 2], -1), keyOf([12], -1), keyOf([1], 2), keyOf([], 1), keyOf([], -1)]
  expect(new Set(keys).size).toBe(keys.length)
})
