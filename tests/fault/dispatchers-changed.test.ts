import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startFaultStack, type FaultStack } from './fault-stack.js'
import { startReceiver, type Receiver } from './receiver.js'
import { createEndpoint, untilSettled } from './scenario.js'
import { waitUntil } from './wait-until.js'

const RUN = 'changed'

let stack: FaultStack
const receivers: Receiver[] = []
beforeAll(async () => {
  stack = await startFaultStack()
  for (let count = 0; count < 2; count += 1) receivers.push(await startReceiver())
}, 120_000)
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()))
  await stack?.stop()
}, 120_000)

test('invariant 1: dispatchers that change while Redis is away are in force for every event accepted after them', async () => {
  const [before, after] = receivers as [Receiver, Receiver]
  const endpointId = await createEndpoint(stack, { url: before.url, events: [RUN] })
  // The worker has the dispatchers in memory from here on.
  await send(['early'])
  await waitUntil('the first event', () => listIds(before).length === 1)

  await stack.killRedis()
  await createEndpoint(stack, { url: after.url, events: [RUN] })
  const [dispatcher] = await stack.query<{ id: string }>(
    'select id from event_dispatchers where dispatchable_id = $1',
    [endpointId],
  )
  expect(await call('PATCH', `/api/v1/event-dispatchers/${dispatcher?.id}`, { enabled: false })).toBe(200)
  const late = Array.from({ length: 20 }, (_, index) => `late-${index}`)
  await send(late)
  await stack.startRedis()
  await untilSettled(stack)

  expect(listIds(after)).toEqual(late.toSorted())
  expect(listIds(before)).toEqual(['early'])
  // A delivery to a disabled dispatcher would be skipped: none may have been written.
  const [count] = await stack.query<{ deliveries: number }>('select count(*)::int as deliveries from deliveries')
  expect(count?.deliveries).toBe(1 + late.length)
}, 240_000)

async function send(ids: string[]): Promise<void> {
  expect(await call('POST', '/api/v1/events/bulk', { events: ids.map((id) => ({ id, name: RUN })) })).toBe(200)
}

async function call(method: string, path: string, body?: object): Promise<number> {
  const response = await fetch(stack.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${stack.tenant.secretKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  await response.arrayBuffer()
  return response.status
}

function listIds({ arrivals }: Receiver): string[] {
  return [...arrivals.values()].flatMap((all) => all.map(({ eventId }) => eventId)).toSorted()
}
