import { expect, test } from '@jest/globals'
import type { RuleSet } from './rule-set.js'
import { createUpkeep } from './upkeep.js'

/** A set that needs so many pieces of work. */
function makeSet(name: string, pieces: number, done: string[]): RuleSet {
  let left = pieces
  const maintain = (rulesMax: number): boolean => {
    if (rulesMax <= 0) throw new Error('no bound')
    done.push(name)
    left -= 1
    return left > 0
  }
  return { matcher: { maintain } } as unknown as RuleSet
}

async function until(isThere: () => boolean): Promise<void> {
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('works in pieces until nothing is left, and sets take turns', async () => {
  const done: string[] = []
  const upkeep = createUpkeep(() => false)
  upkeep.add(makeSet('a', 3, done))
  upkeep.add(makeSet('b', 2, done))
  await until(() => done.length === 5)
  expect(done).toEqual(['a', 'b', 'a', 'b', 'a'])
  upkeep.add(makeSet('c', 1, done))
  await until(() => done.length === 6)
  await upkeep.stop()
})

test('is not put off for ever while events are delivered', async () => {
  const done: string[] = []
  const upkeep = createUpkeep(() => true)
  upkeep.add(makeSet('a', 2, done))
  await until(() => done.length === 2)
  await upkeep.stop()
})

test('a set that was dropped is left alone, and after the stop everything is', async () => {
  const done: string[] = []
  const upkeep = createUpkeep(() => true)
  const set = makeSet('a', 1_000, done)
  upkeep.add(set)
  upkeep.add(makeSet('b', 1_000, done))
  upkeep.remove(set)
  await until(() => done.length > 0)
  await upkeep.stop()
  const { length } = done
  upkeep.add(set)
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(done).toHaveLength(length)
  expect(done).not.toContain('a')
})
