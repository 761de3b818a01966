import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EventSeries } from '../sample-events.js'
import { readClockMs } from './read-clock.js'
import { serveCalls } from './serve-calls.js'

/** What has arrived of the series that is expected. */
export interface Arrivals {
  /** Events of the series that arrived at least once. */
  readonly unique: number
  /** Arrivals beyond the first of each. */
  readonly duplicates: number
  /** Arrivals of anything else. */
  readonly foreign: number
  /** Arrivals with a signature header. */
  readonly signed: number
}

const MISSING_SHOWN_MAX = 10

let series: EventSeries = { prefix: '', count: 0 }
let arrivedAtMs = new Float64Array(0)
let counts = { unique: 0, duplicates: 0, foreign: 0, signed: 0 }

/** Listens on a free port and answers 200 to whatever comes. */
async function listen(): Promise<{ port: number }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    let body = ''
    request.setEncoding('latin1')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      take(request, body)
      answer(response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port }
}

function answer(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 2 }).end('ok')
}

function take(request: IncomingMessage, body: string): void {
  if (request.headers['webhook-signature'] !== undefined) counts.signed += 1
  const start = `{"id":"${series.prefix}-`
  const index = body.startsWith(start) ? Number(body.slice(start.length, body.indexOf('"', start.length))) : -1
  const earlier = arrivedAtMs[index]
  if (earlier === undefined) {
    counts.foreign += 1
    return
  }
  if (earlier > 0) {
    counts.duplicates += 1
    return
  }
  arrivedAtMs[index] = readClockMs()
  counts.unique += 1
}

/** Forgets what arrived, and waits for another series. */
function expectSeries(expected: EventSeries): void {
  series = expected
  arrivedAtMs = new Float64Array(expected.count)
  counts = { unique: 0, duplicates: 0, foreign: 0, signed: 0 }
}

function countArrivals(): Arrivals {
  return counts
}

/** When each event arrived first, by their numbers; 0 for those that did not. */
function listArrivalTimes(): number[] {
  return [...arrivedAtMs]
}

/** A few ids that did not arrive. */
function listMissing(): string[] {
  const missing: string[] = []
  for (const [index, at] of arrivedAtMs.entries()) {
    if (at === 0) missing.push(`${series.prefix}-${index}`)
    if (missing.length === MISSING_SHOWN_MAX) break
  }
  return missing
}

const methods = { listen, expectSeries, countArrivals, listArrivalTimes, listMissing }

/** The webhook receiver. */
export type ReceiverMethods = typeof methods

serveCalls(methods)
