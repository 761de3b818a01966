import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { type Chore, createUpkeep } from './upkeep.js'

let nowMs = 0
const monotonicMs = (): number => nowMs

/** A chore of so many steps, each of which takes its time. */
function makeChore(name: string, steps: number, done: string[], stepMs = 10): [object, Chore] {
  let left = steps
  const work = (rulesMax: number): boolean => {
    if (rulesMax <= 0) throw new Error('no bound')
    nowMs += stepMs
    done.push(name)
    left -= 1
    return left > 0
  }
  return [{}, work]
}

async function until(isThere: () => boolean): Promise<void> {
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('works in pieces until nothing is left, and chores take turns', async () => {
  const done: string[] = []
  const upkeep = createUpkeep({ monotonicMs, isBusy: () => false })
  upkeep.add(...makeChore('a', 3, done))
  upkeep.add(...makeChore('b', 2, done))
  await until(() => done.length === 5)
  expect(done).toEqual(['a', 'b', 'a', 'b', 'a'])
  upkeep.add(...makeChore('c', 1, done))
  await until(() => done.length === 6)
  await upkeep.stop()
})

test('a piece ends when its time is over, however much or little is done in it', async () => {
  const done: string[] = []
  const upkeep = createUpkeep({ monotonicMs, isBusy: () => false })
  upkeep.add(...makeChore('quick', 8, done, 1))
  upkeep.add(...makeChore('slow', 2, done, 500))
  await until(() => done.length === 10)
  expect(done.join(' ')).toBe('quick quick quick quick slow quick quick quick quick slow')
  await upkeep.stop()
})

test('is not put off for ever while events are delivered', async () => {
  const done: string[] = []
  const upkeep = createUpkeep({ monotonicMs, isBusy: () => true })
  upkeep.add(...makeChore('a', 2, done))
  await until(() => done.length === 2)
  await upkeep.stop()
})

test('a chore that was taken away is left alone, and after the stop all are', async () => {
  const done: string[] = []
  const upkeep = createUpkeep({ monotonicMs, isBusy: () => true })
  const [key, chore] = makeChore('a', 1_000, done)
  upkeep.add(key, chore)
  upkeep.add(...makeChore('b', 1_000, done))
  upkeep.remove(key)
  await until(() => done.length > 0)
  await upkeep.stop()
  const { length } = done
  upkeep.add(key, chore)
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(done).toHaveLength(length)
  expect(done).not.toContain('a')
})

test('a chore that throws is told and ends alone: the others go on, and later ones are done', async () => {
  const done: string[] = []
  const errors: unknown[] = []
  const upkeep = createUpkeep({ monotonicMs, isBusy: () => false, onFailed: (error) => void errors.push(error) })
  const error = new Error('broken')
  upkeep.add({}, () => {
    throw error
  })
  upkeep.add(...makeChore('a', 2, done))
  await until(() => done.length === 2)
  upkeep.add(...makeChore('b', 1, done))
  await until(() => done.length === 3)
  expect(errors).toEqual([error])
  await upkeep.stop()
})

test('takes no long pauses while it is urgent', async () => {
  const done: string[] = []
  const upkeep = createUpkeep({ monotonicMs, isBusy: () => true, isUrgent: () => true })
  upkeep.add(...makeChore('a', 100, done))
  // With the pauses of busy times there would be hundreds of thousands of turns.
  let turns = 0
  for (; done.length < 100; turns += 1) await setImmediate()
  expect(turns).toBeLessThan(1_000)
  await upkeep.stop()
})
