import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { createPause } from './create-pause.js'

/** Computes for so long, asking after each step whether to pause. */
async function compute(pause: () => Promise<void> | undefined, forMs: number): Promise<void> {
  for (let spent = 0; spent < forMs;) {
    const startedAt = performance.now()
    while (performance.now() - startedAt < 2);
    spent += performance.now() - startedAt
    await pause()
  }
}

test('however many compute at a time, one turn of the event loop belongs to one of them', async () => {
  const pause = createPause()
  let isDone = false
  const turnsMs: number[] = []
  const watching = (async () => {
    while (!isDone) {
      const startedAt = performance.now()
      await setImmediate()
      turnsMs.push(performance.now() - startedAt)
    }
  })()
  await Promise.all(Array.from({ length: 6 }, () => compute(pause, 80)))
  isDone = true
  await watching
  // Each for itself, six of them would take some 120 ms of a turn.
  const middle = turnsMs.toSorted((a, b) => a - b)[Math.floor(turnsMs.length / 2)]
  expect(turnsMs.length).toBeGreaterThan(10)
  expect(middle).toBeLessThan(60)
})

test('they take turns: all end at about the same time', async () => {
  const pause = createPause()
  const ended: number[] = []
  const one = async (name: number): Promise<void> => {
    for (let slice = 0; slice < 5; slice += 1) {
      await compute(pause, 25)
      ended.push(name)
    }
  }
  await Promise.all([one(1), one(2), one(3)])
  // Nobody is two slices ahead of anyone.
  for (let index = 0; index < ended.length; index += 1) {
    const counts = [1, 2, 3].map((name) => ended.slice(0, index + 1).filter((other) => other === name).length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2)
  }
})
