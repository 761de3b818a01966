import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startFaultStack, type FaultStack } from './fault-stack.js'
import { runScenario } from './scenario.js'
import { waitUntil } from './wait-until.js'

const BREAKS = 3
const UNAVAILABLE_EACH = 20

let stack: FaultStack
beforeAll(async () => {
  stack = await startFaultStack()
}, 120_000)
afterAll(() => stack?.stop(), 120_000)

test.each([
  ['cut off by an immediate shutdown', 'stopped', 'SIGQUIT'],
  ['killed', 'killed', 'SIGKILL'],
] as const)(
  'invariants 1, 2 and 3: Postgres is %s under load; clients get 503, no bulk is half stored, and all goes on by itself',
  async (_how, run, signal) => {
    const before = stack.pids()
    const { problems, twice, counts } = await runScenario(
      stack,
      run,
      async ({ load, untilAccepted }) => {
        for (let broken = 0; broken < BREAKS; broken += 1) {
          await untilAccepted(1_000)
          const { unavailable } = load.counts
          await stack.breakPostgres(signal)
          await waitUntil('answers 503', () => load.counts.unavailable >= unavailable + UNAVAILABLE_EACH)
          await stack.startPostgres()
        }
        await untilAccepted(1_000)
      },
      { withBigBulks: true },
    )
    expect(counts.abandonedBulks).toBeGreaterThan(0)
    expect(problems).toEqual([])
    // Attempts under way wait for Postgres with their record, so that they need not be made again.
    expect(twice).toEqual([])
    expect(counts.unexpected).toEqual([])
    expect(counts.unreachable).toBe(0)
    expect(stack.pids()).toEqual(before)
  },
  240_000,
)
