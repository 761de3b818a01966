import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { startLoad } from './load.js'
import { startReceiver } from './receiver.js'
import { waitUntil } from './wait-until.js'

interface Request {
  readonly ids: readonly string[]
  readonly isRightKey: boolean
}

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** Answers requests by their number, from 0: a status, or undefined to cut the connection. */
async function startApi(answer: (request: Request, number: number) => number | undefined) {
  const requests: Request[] = []
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    type Body = { event?: { id: string; name: string }; events?: { id: string; name: string }[] }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Body
    const events = body.events ?? [body.event ?? { id: '', name: '' }]
    const taken = { ids: events.map(({ id }) => id), isRightKey: request.headers.authorization === 'Bearer key' }
    const isBad = !taken.isRightKey || events.some(({ name }) => name === '')
    const status = isBad ? 422 : answer(taken, requests.push(taken) - 1)
    if (status === undefined) response.destroy()
    else response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('startLoad', () => {
  test('what is not answered is sent again with the same ids, until it is', async () => {
    const answered = new Set<string>()
    const api = await startApi(({ ids }, number) => {
      if (number % 3 === 0) return 503
      if (number % 3 === 1) return undefined
      for (const id of ids) answered.add(id)
      return 200
    })
    const load = startLoad({ apiUrl: api.url, secretKey: 'key', run: 'test' })
    await waitUntil('enough was sent', () => load.counts.accepted >= 60 && load.counts.abandonedBulks >= 1)
    await load.finish()
    const events = [...load.sent.values()]
    const idsOf = (outcome: string) => events.filter((event) => event.outcome === outcome).map(({ id }) => id)
    expect(load.counts.unexpected).toEqual([])
    expect(load.counts.unavailable).toBeGreaterThan(0)
    expect(load.counts.unreachable).toBeGreaterThan(0)
    expect(new Set(idsOf('accepted'))).toEqual(answered)
    expect(idsOf('under way')).toEqual([])
    expect(idsOf('unknown')).toHaveLength(load.counts.abandonedBulks * 20)
    expect(idsOf('refused').filter((id) => answered.has(id))).toEqual([])
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
  })

  test('an answer that nobody should get is told', async () => {
    const api = await startApi(() => 500)
    const load = startLoad({ apiUrl: api.url, secretKey: 'key', run: 'test' })
    await waitUntil('an answer', () => load.counts.unexpected.length > 0)
    await load.finish()
    expect(load.counts.unexpected[0]).toMatch(/500/)
  })
})

describe('startReceiver', () => {
  test('arrivals are kept by webhook id and in order, with what they were answered', async () => {
    const receiver = await startReceiver(({ number }) => ({ status: number === 1 ? 500 : 200 }))
    try {
      const statuses: number[] = []
      for (const webhookId of ['one', 'two', 'one']) {
        const body = JSON.stringify({ id: 'event' })
        const response = await fetch(receiver.url, { method: 'POST', headers: { 'webhook-id': webhookId }, body })
        statuses.push(response.status)
      }
      expect(statuses).toEqual([500, 500, 200])
      expect(receiver.arrivals.get('one')?.map(({ status }) => status)).toEqual([500, 200])
      expect(receiver.arrivals.get('two')).toMatchObject([{ eventId: 'event', status: 500 }])
    } finally {
      await receiver.close()
    }
  })
})
