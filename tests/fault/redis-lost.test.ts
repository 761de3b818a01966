import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { startFaultStack, type FaultStack, type Pids } from './fault-stack.js'
import { runScenario } from './scenario.js'

const FLUSHES = 8
const ACCEPTED_AWAY = 200

let stack: FaultStack
let before: Pids
beforeAll(async () => {
  stack = await startFaultStack()
}, 120_000)
beforeEach(() => {
  before = stack.pids()
})
afterAll(() => stack?.stop(), 120_000)

test('invariant 1: Redis is emptied again and again under load; all goes on without a restart, and nothing is lost or repeated', async () => {
  const { problems, twice, counts } = await runScenario(stack, 'flushed', async ({ untilAccepted }) => {
    for (let flush = 0; flush < FLUSHES; flush += 1) {
      await untilAccepted(25)
      await stack.flushWaiting(flush % 2 === 0 ? 'deliver-worker' : 'dispatcher-worker')
    }
    await untilAccepted(25)
  })
  expect(problems).toEqual([])
  expect(twice).toEqual([])
  expect(counts).toMatchObject({ unexpected: [], unavailable: 0, unreachable: 0 })
  expect(stack.pids()).toEqual(before)
}, 240_000)

test('invariant 1: Redis is killed and comes back empty under load; meanwhile events are accepted, and afterwards delivered', async () => {
  const { problems, twice, counts } = await runScenario(stack, 'emptied', async ({ untilAccepted }) => {
    await untilAccepted(50)
    await stack.killRedis()
    await untilAccepted(ACCEPTED_AWAY)
    await stack.startRedis()
    await untilAccepted(50)
  })
  expect(problems).toEqual([])
  expect(twice).toEqual([])
  expect(counts).toMatchObject({ unexpected: [], unavailable: 0, unreachable: 0 })
  expect(stack.pids()).toEqual(before)
}, 240_000)

test('invariant 1: events that were accepted while Redis was away and whose API was killed then are delivered', async () => {
  const { problems, twice } = await runScenario(stack, 'committed', async ({ untilAccepted }) => {
    await untilAccepted(25)
    await stack.killRedis()
    // Published events would be gone with Redis; from here on none is, and whoever accepted them dies.
    await untilAccepted(ACCEPTED_AWAY)
    // Without Redis the next one accepts, but does not call itself ready.
    await stack.kill('ingest-api', { untilReady: false })
    await stack.startRedis()
    await untilAccepted(25)
  })
  expect(problems).toEqual([])
  expect(twice).toEqual([])
  expect({ ...stack.pids(), 'ingest-api': 0 }).toEqual({ ...before, 'ingest-api': 0 })
}, 240_000)
