import { buildBulkBody, type EventSeries } from '../sample-events.js'
import { buildRequest, openConnection, type KeepAliveConnection } from './keep-alive-client.js'

/** A whole series, in bulk requests. */
export interface SeriesLoad extends EventSeries {
  readonly url: string
  readonly secretKey: string
  readonly eventsPerRequest: number
  readonly connections: number
}

/** When it was sent, by the clock of `Date.now()`. */
export interface SeriesLoadResult {
  readonly startedAt: number
  readonly endedAt: number
}

/** Requests made ahead of being sent: large series must not fill the memory. */
const REQUESTS_AHEAD_MAX = 200

/** Posts a series of events as fast as it goes. @throws on any answer but 200. */
export async function postSeries(load: SeriesLoad): Promise<SeriesLoadResult> {
  const url = new URL(load.url)
  const requests = makeRequests(load, url)
  const ahead: Buffer[] = []
  while (ahead.length < REQUESTS_AHEAD_MAX) {
    const { value } = requests.next()
    if (value === undefined) break
    ahead.push(value)
  }
  const connections = await Promise.all(Array.from({ length: load.connections }, () => openConnection(url)))
  const startedAt = Date.now()
  const post = async (connection: KeepAliveConnection): Promise<void> => {
    for (;;) {
      const request = ahead.shift() ?? requests.next().value
      if (request === undefined) return
      const { status, body } = await connection.exchange(request)
      if (status !== 200) throw new Error(`POST ${url.pathname} answered ${status}: ${body}`)
    }
  }
  try {
    await Promise.all(connections.map(post))
  } finally {
    for (const connection of connections) connection.close()
  }
  return { startedAt, endedAt: Date.now() }
}

function* makeRequests(load: SeriesLoad, url: URL): Generator<Buffer, undefined> {
  const headers = { authorization: `Bearer ${load.secretKey}` }
  for (let first = 0; first < load.count; first += load.eventsPerRequest) {
    const count = Math.min(load.eventsPerRequest, load.count - first)
    yield buildRequest(url, buildBulkBody(count, { prefix: load.prefix, first }), headers)
  }
}
