import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { AppName } from '@signalbox/devkit'
import { startFaultStack, type FaultStack } from './fault-stack.js'
import { runScenario } from './scenario.js'

const APPS = ['ingest-api', 'deliver-worker', 'dispatcher-worker', 'scheduler'] as const
const ROUNDS_IN_TURN = 3
const ROUNDS_AT_ONCE = 2

/** Attempts that one dispatcher-worker has under way at one time under this load, at most: what one kill can repeat. */
const UNDER_WAY_MAX = 150

let stack: FaultStack
beforeAll(async () => {
  stack = await startFaultStack()
}, 120_000)
afterAll(() => stack?.stop(), 120_000)

test('invariants 1, 2 and 3: apps are killed twenty times under load; all that was accepted arrives, nothing else does, and whatever arrives twice was cut off by a kill', async () => {
  const { problems, twice, counts } = await runScenario(stack, 'sigkill', async ({ untilAccepted }) => {
    for (let round = 0; round < ROUNDS_IN_TURN; round += 1) {
      for (const name of APPS) {
        await untilAccepted(25)
        const before = stack.pids()
        await stack.kill(name)
        expect(othersOf(name, stack.pids())).toEqual(othersOf(name, before))
      }
    }
    for (let round = 0; round < ROUNDS_AT_ONCE; round += 1) {
      await untilAccepted(25)
      await Promise.all(APPS.map((name) => stack.kill(name)))
    }
    await untilAccepted(25)
  })
  const kills = stack.faults.filter(({ what }) => what.startsWith('SIGKILL'))
  expect(kills).toHaveLength((ROUNDS_IN_TURN + ROUNDS_AT_ONCE) * APPS.length)
  expect(problems).toEqual([])
  expect(counts.unexpected).toEqual([])
  // Each is explained by its time, or would be a problem; and no kill explains more than was under way.
  expect(twice.length).toBeLessThanOrEqual((ROUNDS_IN_TURN + ROUNDS_AT_ONCE) * UNDER_WAY_MAX)
}, 300_000)

function othersOf(name: AppName, pids: ReturnType<FaultStack['pids']>): object {
  return { ...pids, [name]: 'killed' }
}
