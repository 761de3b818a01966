import { Pool } from 'undici'
import { buildWebhookBody, type EventSeries } from '../sample-events.js'

/** A whole series straight to a receiver, one POST for each event. */
export interface BareLoad extends EventSeries {
  readonly url: string
  readonly connections: number
}

/** What came of it: everything was answered 200. */
export interface BareLoadResult {
  readonly perSecond: number
}

/** Posts what a receiver would get from us, with nothing around it: keep-alive POSTs of one undici pool. */
export async function postSeriesBare(load: BareLoad): Promise<BareLoadResult> {
  const { origin, pathname } = new URL(load.url)
  const pool = new Pool(origin, { connections: load.connections, pipelining: 1 })
  const bodies = Array.from({ length: load.count }, (_, index) => buildWebhookBody(`${load.prefix}-${index}`))
  const headers = { 'content-type': 'application/json' }
  let next = 0
  const post = async (): Promise<void> => {
    while (next < bodies.length) {
      const body = bodies[next++]
      const answer = await pool.request({ method: 'POST', path: pathname, headers, body })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`The receiver answered ${answer.statusCode}`)
    }
  }
  const startedAt = performance.now()
  try {
    await Promise.all(Array.from({ length: load.connections }, post))
    return { perSecond: load.count / ((performance.now() - startedAt) / 1_000) }
  } finally {
    await pool.destroy()
  }
}
