import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as a receiver saw it. */
export interface Arrival {
  readonly webhookId: string
  readonly eventId: string
  readonly body: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** What it is answered; null when the receiver keeps the sender waiting. */
  readonly status: number | null
}

/** What a receiver does with a request; `number` counts the requests with this webhook id, from 1. */
export type Manners = (arrival: { readonly webhookId: string; readonly number: number }) => {
  readonly status: number | null
  readonly delayMs?: number
}

/** A webhook receiver that keeps what arrives, by webhook id and in order. */
export interface Receiver {
  readonly url: string
  readonly arrivals: ReadonlyMap<string, readonly Arrival[]>
  close(): Promise<void>
}

/** Longer than any pause of a test: the receiver must not be the one that closes a kept connection. */
const KEEP_ALIVE_MS = 300_000

/** Starts a receiver on a free port. */
export async function startReceiver(manners: Manners = () => ({ status: 200 })): Promise<Receiver> {
  const arrivals = new Map<string, Arrival[]>()
  const timers = new Set<NodeJS.Timeout>()
  const answer = (response: ServerResponse, status: number, delayMs: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      response.writeHead(status, { 'content-length': 2 }).end('ok')
    }, delayMs)
    timers.add(timer)
  }
  const take = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const webhookId = String(request.headers['webhook-id'])
    const earlier = arrivals.get(webhookId) ?? []
    const { status, delayMs = 0 } = manners({ webhookId, number: earlier.length + 1 })
    const { id: eventId } = JSON.parse(body) as { id: string }
    arrivals.set(webhookId, [...earlier, { webhookId, eventId, body, at: Date.now(), status }])
    if (status !== null) answer(response, status, delayMs)
  }
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => take(request, response, Buffer.concat(chunks).toString('utf8')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    arrivals,
    async close() {
      for (const timer of timers) clearTimeout(timer)
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
