import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startFaultStack, type FaultStack } from './fault-stack.js'
import { runScenario } from './scenario.js'

const APPS = ['ingest-api', 'deliver-worker', 'dispatcher-worker', 'scheduler'] as const

let stack: FaultStack
beforeAll(async () => {
  stack = await startFaultStack()
}, 120_000)
afterAll(() => stack?.stop(), 120_000)

test('invariants 1 and 3: apps that are asked to stop under load finish what they have begun; nothing is lost or repeated', async () => {
  const ends: string[] = []
  const { problems, twice, counts } = await runScenario(stack, 'sigterm', async ({ untilAccepted }) => {
    for (const name of APPS) {
      await untilAccepted(50)
      ends.push(`${name}: ${await stack.terminate(name)}`)
    }
    await untilAccepted(50)
  })
  // An app that ran out of its grace period, or that cut something off, exits with 1.
  expect(ends).toEqual(APPS.map((name) => `${name}: exit code 0`))
  expect(problems).toEqual([])
  expect(counts.unexpected).toEqual([])
  expect(twice).toEqual([])
}, 240_000)
