import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startFaultStack, type FaultStack } from './fault-stack.js'
import { startReceiver, type Receiver } from './receiver.js'
import { createEndpoint, loadStored, untilSettled } from './scenario.js'
import { waitUntil } from './wait-until.js'

const RUN = 'fan-out'
const EVENTS = 20
const QUICK = 5
const SILENT = 5
/** Longer than the quick ones take to be recorded, so that the silent ones are under way when the kill comes. */
const TIMEOUT_MS = 8_000

let stack: FaultStack
const quick: Receiver[] = []
const silent: Receiver[] = []
beforeAll(async () => {
  stack = await startFaultStack()
  for (let count = 0; count < QUICK; count += 1) quick.push(await startReceiver())
  // They keep the first request of a delivery waiting, and answer the second.
  const manners = ({ number }: { number: number }) => ({ status: number === 1 ? null : 200 })
  for (let count = 0; count < SILENT; count += 1) silent.push(await startReceiver(manners))
}, 120_000)
afterAll(async () => {
  await Promise.all([...quick, ...silent].map((receiver) => receiver.close()))
  await stack?.stop()
}, 120_000)

test('invariant 3: a dispatcher-worker killed amid a fan-out of 10 does not call again who had answered, and calls again who had not', async () => {
  for (const { url } of [...quick, ...silent])
    await createEndpoint(stack, { url, events: [RUN], timeoutMs: TIMEOUT_MS })
  const ids = Array.from({ length: EVENTS }, (_, index) => `${RUN}-${index}`)
  const response = await fetch(`${stack.apiUrl}/api/v1/events/bulk`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.tenant.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events: ids.map((id) => ({ id, name: RUN, context: { run: RUN } })) }),
  })
  expect(response.status).toBe(200)

  await waitUntil('every receiver was called', () =>
    [...quick, ...silent].every(({ arrivals }) => arrivals.size === EVENTS),
  )
  await waitUntil('who answered is recorded', async () => (await countStates()).get('succeeded') === QUICK * EVENTS)
  expect(await countStates()).toEqual(
    new Map([
      ['succeeded', QUICK * EVENTS],
      ['in_flight', SILENT * EVENTS],
    ]),
  )
  await stack.kill('dispatcher-worker')
  await untilSettled(stack)

  expect(await countStates()).toEqual(new Map([['succeeded', (QUICK + SILENT) * EVENTS]]))
  expect(countArrivals(quick)).toEqual(new Map([[1, QUICK * EVENTS]]))
  // One kill, and each of them is called once more, under the same webhook id.
  expect(countArrivals(silent)).toEqual(new Map([[2, SILENT * EVENTS]]))
}, 240_000)

async function countStates(): Promise<ReadonlyMap<string, number>> {
  const stored = await loadStored(stack, RUN)
  return countEach(stored.flatMap(({ deliveries }) => deliveries.map(({ state }) => state)))
}

/** How many deliveries arrived how often. */
function countArrivals(receivers: readonly Receiver[]): ReadonlyMap<number, number> {
  return countEach(receivers.flatMap(({ arrivals }) => [...arrivals.values()].map(({ length }) => length)))
}

function countEach<Item>(items: readonly Item[]): ReadonlyMap<Item, number> {
  const counts = new Map<Item, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}
