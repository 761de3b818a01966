import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { pollUntil } from '@signalbox/testkit'
import { TriggerClient } from '@trigger.dev/sdk'
import { type RunningApps, startApps } from '../e2e/start-apps.js'

let apps: RunningApps
let client: TriggerClient

beforeAll(async () => {
  apps = await startApps()
  await apps.subscribe('/hook')
  client = createClient(apps.a.production.secretKey)
})

afterAll(async () => {
  await apps?.stop()
})

/** The published client as its users make it: nothing but our address is changed. */
function createClient(apiKey: string): TriggerClient {
  return new TriggerClient({ id: 'my-app', apiKey, apiUrl: apps.apiUrl, logLevel: 'error' })
}

function findReceived(id: string): Record<string, unknown>[] {
  const bodies = apps.receiver.requests.map((request) => JSON.parse(request.body) as Record<string, unknown>)
  return bodies.filter((body) => body['id'] === id)
}

async function untilReceived(id: string): Promise<Record<string, unknown>> {
  return await pollUntil(() => findReceived(id)[0], { what: `the event ${id} to arrive` })
}

test('it is the published client, 2.3', () => {
  const path = require.resolve('@trigger.dev/sdk').replace(/dist[\\/].*$/, 'package.json')
  expect((JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version).toMatch(/^2\.3\./)
})

describe('sendEvent', () => {
  test('sends an event that arrives, and reads the answer', async () => {
    const sent = await client.sendEvent({ name: 'order.paid', payload: { total: 5 }, context: { c: 1 } })
    expect(sent).toMatchObject({ name: 'order.paid', payload: { total: 5 }, context: { c: 1 } })
    expect(sent.id).toEqual(expect.any(String))
    expect(sent.timestamp).toBeInstanceOf(Date)
    expect(sent.deliverAt).toBeInstanceOf(Date)
    expect(sent.deliveredAt ?? null).toBeNull()
    expect(await untilReceived(sent.id)).toMatchObject({
      type: 'order.paid',
      data: { total: 5 },
      source: 'trigger.dev',
    })
  })

  test('with an id of the caller, a source and a timestamp; again is the same event', async () => {
    const timestamp = new Date('2026-01-02T03:04:05.678Z')
    const event = { id: 'my-id', name: 'order.paid', source: 'trigger.dev', payload: { n: 1 }, timestamp }
    expect(await client.sendEvent(event)).toMatchObject({ id: 'my-id', timestamp })
    await untilReceived('my-id')
    await pollUntil(async () => (await client.sendEvent({ ...event, payload: { n: 2 } })).deliveredAt instanceof Date, {
      what: 'the event to be delivered',
    })
    expect((await client.sendEvent({ ...event, payload: { n: 2 } })).payload).toEqual({ n: 1 })
    expect(findReceived('my-id')).toHaveLength(1)
  })

  test('with deliverAt, later; with deliverAfter, as many seconds later', async () => {
    const deliverAt = new Date(Date.now() + 1_000)
    const at = await client.sendEvent({ name: 'later' }, { deliverAt })
    expect(at.deliverAt).toEqual(deliverAt)
    const sentAt = Date.now()
    const after = await client.sendEvent({ name: 'later' }, { deliverAfter: 1 })
    expect(Math.abs((after.deliverAt?.getTime() ?? 0) - sentAt - 1_000)).toBeLessThan(900)
    await untilReceived(at.id)
    expect(Date.now()).toBeGreaterThanOrEqual(deliverAt.getTime())
    await untilReceived(after.id)
    expect(Date.now()).toBeGreaterThanOrEqual(sentAt + 1_000)
  })

  test('with the account of one of the sender’s own users', async () => {
    await apps.call('PUT', '/api/v1/accounts/user-7', { body: {} })
    const sent = await client.sendEvent({ name: 'order.paid' }, { accountId: 'user-7' })
    expect(await untilReceived(sent.id)).toMatchObject({ accountId: 'user-7' })
  })

  test('with a key that is wrong, fails in the client’s own way', async () => {
    await expect(createClient('tr_prod_unknown').sendEvent({ name: 'x' })).rejects.toThrow()
  })
})

describe('sendEvents', () => {
  test('sends many, answered in their order, and all arrive', async () => {
    const events = [1, 2, 3].map((n) => ({ id: `many ${n}`, name: 'order.paid', payload: { n } }))
    const sent = await client.sendEvents(events, { deliverAfter: 0 })
    expect(sent.map((event) => [event.id, event.payload])).toEqual(events.map(({ id, payload }) => [id, payload]))
    for (const { id, payload } of events) expect(await untilReceived(id)).toMatchObject({ data: payload })
  })
})

describe('getEvent', () => {
  test('reads an event that was sent', async () => {
    await client.sendEvent({ id: 'read me', name: 'order.paid' })
    const read = await client.getEvent('read me')
    expect(read).toMatchObject({ id: 'read me', name: 'order.paid', runs: [] })
    expect(read.createdAt).toBeInstanceOf(Date)
    expect(read.updatedAt).toBeInstanceOf(Date)
  })

  test('of another tenant’s event fails', async () => {
    await createClient(apps.b.production.secretKey).sendEvent({ id: 'theirs', name: 'x' })
    await expect(client.getEvent('theirs')).rejects.toThrow()
    await expect(client.getEvent('nowhere')).rejects.toThrow()
  })
})

describe('cancelEvent', () => {
  test('stops an event that waits: it never arrives', async () => {
    await client.sendEvent({ id: 'stopped', name: 'x' }, { deliverAfter: 1 })
    const cancelled = await client.cancelEvent('stopped')
    expect(cancelled.id).toBe('stopped')
    expect(cancelled.cancelledAt).toBeInstanceOf(Date)
    const passed = await client.sendEvent({ name: 'x' }, { deliverAfter: 2 })
    await untilReceived(passed.id)
    expect(findReceived('stopped')).toEqual([])
  })
})
