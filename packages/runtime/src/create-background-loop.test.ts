import { Writable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { createBackgroundLoop, type LoopResult } from './create-background-loop.js'
import { createLogger } from './create-logger.js'

const logger = createLogger({ service: 'test', stream: new Writable({ write: (_c, _e, done) => done() }) })
const HOUR_MS = 3_600_000

/** A loop whose runs are watched: `untilRuns(n)` resolves when the nth run has begun. */
function createWatchedLoop(intervalMs: number, runOnce: (run: number) => Promise<LoopResult | void>) {
  let runs = 0
  let inRun = 0
  let inRunMax = 0
  const errors: unknown[] = []
  const waiters: { count: number; resolve: () => void }[] = []
  const loop = createBackgroundLoop({
    name: 'test',
    intervalMs,
    logger,
    onError: (error) => errors.push(error),
    async runOnce() {
      runs += 1
      inRun += 1
      inRunMax = Math.max(inRunMax, inRun)
      for (const waiter of waiters) if (runs >= waiter.count) waiter.resolve()
      try {
        return await runOnce(runs)
      } finally {
        inRun -= 1
      }
    },
  })
  const untilRuns = (count: number) => new Promise<void>((resolve) => waiters.push({ count, resolve }))
  return { loop, untilRuns, errors, runs: () => runs, inRunMax: () => inRunMax, inRun: () => inRun }
}

describe('createBackgroundLoop', () => {
  test('a run that asks for no pause is followed by the next at once', async () => {
    const watched = createWatchedLoop(HOUR_MS, async () => ({ pauseMs: 0 }))
    const reached = watched.untilRuns(5)
    watched.loop.start()
    await reached
    await watched.loop.stop()
    expect(watched.inRunMax()).toBe(1)
  })

  test('a failing run is reported and the loop goes on', async () => {
    const watched = createWatchedLoop(1, () => Promise.reject(new Error('database away')))
    const reached = watched.untilRuns(3)
    watched.loop.start()
    await reached
    await watched.loop.stop()
    expect(watched.errors.length).toBeGreaterThanOrEqual(3)
  })

  test('stop waits for the run that is going on and starts no other', async () => {
    let finish: () => void = () => undefined
    const watched = createWatchedLoop(0, () => new Promise<void>((resolve) => (finish = resolve)))
    const reached = watched.untilRuns(1)
    watched.loop.start()
    watched.loop.start()
    await reached
    const stopping = watched.loop.stop()
    expect(watched.inRun()).toBe(1)
    finish()
    await stopping
    expect(watched.inRun()).toBe(0)
    expect(watched.runs()).toBe(1)
  })

  test('waking ends a pause, also when it comes during a run', async () => {
    const watched = createWatchedLoop(HOUR_MS, async (run) => {
      if (run === 1) watched.loop.wake()
    })
    const second = watched.untilRuns(2)
    watched.loop.start()
    await second
    const third = watched.untilRuns(3)
    setImmediate(() => watched.loop.wake())
    await third
    await watched.loop.stop()
    expect(watched.runs()).toBe(3)
  })

  test('a stop ends the pause', async () => {
    const watched = createWatchedLoop(HOUR_MS, async () => undefined)
    const reached = watched.untilRuns(1)
    watched.loop.start()
    await reached
    await new Promise((resolve) => setImmediate(resolve))
    await watched.loop.stop()
    expect(watched.runs()).toBe(1)
  })
})
