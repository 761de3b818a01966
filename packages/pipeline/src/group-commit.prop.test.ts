import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createGroupCommit, ItemFailure } from './group-commit.js'

/** Printed in the name of the suite, and by fast-check when a property fails. */
const seed = Date.now() % 2 ** 31

interface Item {
  index: number
  weight: number
  keys: string[]
  /** Turns of the event loop before it is added. */
  turns: number
  fate: 'fine' | 'fails' | 'breaks its group'
}

const itemArbitrary = fc.record({
  weight: fc.integer({ min: 1, max: 6 }),
  keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 2 }),
  turns: fc.nat({ max: 2 }),
  fate: fc.oneof(
    { weight: 8, arbitrary: fc.constant('fine' as const) },
    { weight: 1, arbitrary: fc.constantFrom('fails' as const, 'breaks its group' as const) },
  ),
})

const optionsArbitrary = fc.record({
  weightMax: fc.integer({ min: 1, max: 10 }),
  inFlightMax: fc.integer({ min: 1, max: 3 }),
})

describe(`group commit (seed ${seed})`, () => {
  test('every item has its own fate, in bounded groups without two of one key, in order for each key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(itemArbitrary, { maxLength: 40 }), optionsArbitrary, async (drawn, options) => {
        const items = drawn.map((item, index): Item => ({ ...item, index }))
        const groups: Item[][] = []
        let inFlight = 0
        const commit = createGroupCommit<Item, number>({
          ...options,
          waitingMax: 10_000,
          weigh: (item) => item.weight,
          keysOf: (item) => item.keys,
          run: async (group) => {
            groups.push(group)
            inFlight += 1
            expect(inFlight).toBeLessThanOrEqual(options.inFlightMax)
            for (let round = 0; round < group.length % 3; round++) await turn()
            inFlight -= 1
            if (group.some((item) => item.fate === 'breaks its group')) throw new Error('broken')
            return group.map((item) => (item.fate === 'fails' ? new ItemFailure(new Error('bad')) : item.index))
          },
        })
        const added: Promise<number>[] = []
        for (const item of items) {
          for (let round = 0; round < item.turns; round++) await turn()
          added.push(commit.add(item))
          added.at(-1)?.catch(() => undefined)
        }
        const outcomes = await Promise.allSettled(added)
        await commit.drain()

        expect(
          groups
            .flat()
            .map((item) => item.index)
            .toSorted((a, b) => a - b),
        ).toEqual(items.map((item) => item.index))
        for (const group of groups) {
          const weight = group.reduce((sum, item) => sum + item.weight, 0)
          expect(group.length === 1 || weight <= options.weightMax).toBe(true)
          const keys = group.flatMap((item) => item.keys)
          expect(new Set(keys).size).toBe(keys.length)
          const isBroken = group.some((item) => item.fate === 'breaks its group')
          for (const item of group) {
            const isFine = !isBroken && item.fate === 'fine'
            expect(outcomes[item.index]?.status).toBe(isFine ? 'fulfilled' : 'rejected')
            if (isFine) expect(outcomes[item.index]).toMatchObject({ value: item.index })
          }
        }
        const order = groups.flat()
        for (const key of ['a', 'b', 'c', 'd']) {
          const indexes = order.filter((item) => item.keys.includes(key)).map((item) => item.index)
          expect(indexes.toSorted((a, b) => a - b)).toEqual(indexes)
        }
      }),
      { seed, numRuns: 150 },
    )
  })
})
