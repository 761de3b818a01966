import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { createPause, type Pause } from './create-pause.js'

const STEP_MS = 2

/** A clock that goes on when somebody computes, and computing that asks after each step whether to pause. */
function createComputing(): { pause: Pause; now: () => number; compute: (forMs: number) => Promise<void> } {
  let nowMs = 0
  const now = (): number => nowMs
  const pause = createPause(now)
  const compute = async (forMs: number): Promise<void> => {
    for (let spent = 0; spent < forMs; spent += STEP_MS) {
      nowMs += STEP_MS
      await pause()
    }
  }
  return { pause, now, compute }
}

test('however many compute at a time, one turn of the event loop belongs to one of them', async () => {
  const { now, compute } = createComputing()
  let isDone = false
  const turnsMs: number[] = []
  const watching = (async () => {
    // Before their first pause all of them compute, one step each.
    await setImmediate()
    while (!isDone) {
      const startedAt = now()
      await setImmediate()
      turnsMs.push(now() - startedAt)
    }
  })()
  await Promise.all(Array.from({ length: 6 }, () => compute(80)))
  isDone = true
  await watching
  expect(now()).toBe(6 * 80)
  expect(Math.max(...turnsMs)).toBeLessThanOrEqual(20 + STEP_MS)
})

test('they take turns: all end at about the same time', async () => {
  const { compute } = createComputing()
  const ended: number[] = []
  const one = async (name: number): Promise<void> => {
    for (let slice = 0; slice < 5; slice += 1) {
      await compute(24)
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

test('who computes little at a time is asked to pause only when the time is over', async () => {
  let nowMs = 0
  const pause = createPause(() => nowMs)
  nowMs = 19
  expect(pause()).toBeUndefined()
  // Who can wait takes less of it.
  expect(pause(5)).toBeInstanceOf(Promise)
  nowMs = 20
  expect(pause()).toBeInstanceOf(Promise)
})
