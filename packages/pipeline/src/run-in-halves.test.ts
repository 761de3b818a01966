import { expect, test } from '@jest/globals'
import { SignalboxError } from '@signalbox/domain'
import { ItemFailure } from './group-commit.js'
import { runInHalves } from './run-in-halves.js'

const failuresOf = (results: unknown[]): unknown[] =>
  results.map((result) => (result instanceof ItemFailure ? (result.error as Error).message : result))

test('an item that breaks its group fails alone, wherever it stands', async () => {
  for (let bad = 0; bad < 7; bad += 1) {
    const runs: number[][] = []
    const results = await runInHalves([0, 1, 2, 3, 4, 5, 6], async (items) => {
      runs.push(items)
      if (items.includes(bad)) throw new Error('broken')
      return items.map((item) => item * 10)
    })
    expect(failuresOf(results)).toEqual([0, 1, 2, 3, 4, 5, 6].map((item) => (item === bad ? 'broken' : item * 10)))
    expect(runs.length).toBeLessThanOrEqual(7)
  }
})

test('a part that storage refuses fails as a whole, without the parts that were run before', async () => {
  const results = await runInHalves(['a', 'bad', 'c', 'd'], async (items) => {
    if (items.includes('bad')) throw new Error('broken')
    if (items.includes('c')) throw new SignalboxError('storage_unavailable', 'away')
    return items
  })
  expect(failuresOf(results)).toEqual(['a', 'broken', 'away', 'away'])
})

test('storage that is away is asked once', async () => {
  let runs = 0
  const results = await runInHalves([1, 2, 3], async () => {
    runs += 1
    throw new SignalboxError('storage_unavailable', 'away')
  })
  expect([runs, failuresOf(results)]).toEqual([1, ['away', 'away', 'away']])
})
