import { buildBulkBody, buildSingleBody } from '../sample-events.js'
import { percentile } from '../stats.js'
import { buildRequest, openConnection, type KeepAliveConnection } from './keep-alive-client.js'

/** As many POSTs as go, for a time. */
export interface TimedLoad {
  readonly url: string
  readonly secretKey: string
  readonly connections: number
  readonly seconds: number
  /** Events of a bulk request; absent: one event, as `POST /api/v1/events` takes it. */
  readonly eventsPerRequest?: number
}

/** What came of it: everything was answered 200. */
export interface TimedLoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Posts the same body over and over on all connections. @throws on any answer but 200. */
export async function postForSeconds(load: TimedLoad): Promise<TimedLoadResult> {
  const url = new URL(load.url)
  const body = load.eventsPerRequest === undefined ? buildSingleBody() : buildBulkBody(load.eventsPerRequest)
  const request = buildRequest(url, body, { authorization: `Bearer ${load.secretKey}` })
  const connections = await Promise.all(Array.from({ length: load.connections }, () => openConnection(url)))
  const latencies: number[] = []
  const startedAt = performance.now()
  const deadline = startedAt + load.seconds * 1_000
  const post = async (connection: KeepAliveConnection): Promise<void> => {
    for (let sentAt = performance.now(); sentAt < deadline;) {
      const { status, body: answer } = await connection.exchange(request)
      if (status !== 200) throw new Error(`POST ${url.pathname} answered ${status}: ${answer}`)
      const answeredAt = performance.now()
      latencies.push(answeredAt - sentAt)
      sentAt = answeredAt
    }
  }
  try {
    await Promise.all(connections.map(post))
  } finally {
    for (const connection of connections) connection.close()
  }
  return {
    requests: latencies.length,
    perSecond: latencies.length / ((performance.now() - startedAt) / 1_000),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
  }
}
