import { buildSingleBody, type EventSeries } from '../sample-events.js'
import { buildRequest, openConnection } from './keep-alive-client.js'
import { readClockMs } from './read-clock.js'

/** A series of single events at a steady rate. */
export interface PacedLoad extends EventSeries {
  readonly url: string
  readonly secretKey: string
  readonly perSecond: number
  readonly connections: number
}

/** When each event was sent, and how long the API took to answer, in milliseconds, by the events' numbers. */
export interface PacedLoadResult {
  readonly sentAtMs: readonly number[]
  readonly answerMs: readonly number[]
}

const TICK_MS = 1

/**
 * Posts at a steady rate whatever the answers do. An event that has to wait for a free connection counts as sent when it
 * was due, so that a slow server can't slow down its own measuring.
 */
export async function postPaced(load: PacedLoad): Promise<PacedLoadResult> {
  const url = new URL(load.url)
  const headers = { authorization: `Bearer ${load.secretKey}` }
  const requests = Array.from({ length: load.count }, (_, index) =>
    buildRequest(url, buildSingleBody(`${load.prefix}-${index}`), headers),
  )
  const free = await Promise.all(Array.from({ length: load.connections }, () => openConnection(url)))
  const connections = [...free]
  const sentAtMs = new Array<number>(load.count).fill(0)
  const answerMs = new Array<number>(load.count).fill(0)
  const due: number[] = []
  try {
    await new Promise<void>((resolve, reject) => {
      let next = 0
      let answered = 0
      const startedAt = readClockMs()
      const sendDue = (): void => {
        while (due.length > 0 && free.length > 0)
          void send(due.shift() as number, free.shift() as (typeof free)[number])
      }
      const send = async (index: number, connection: (typeof free)[number]): Promise<void> => {
        try {
          const { status, body } = await connection.exchange(requests[index] as Buffer)
          if (status !== 200) throw new Error(`POST ${url.pathname} answered ${status}: ${body}`)
          answerMs[index] = readClockMs() - (sentAtMs[index] as number)
          free.push(connection)
          answered += 1
          if (answered === load.count) resolve()
          sendDue()
        } catch (error) {
          clearInterval(ticking)
          reject(error as Error)
        }
      }
      const ticking = setInterval(() => {
        const now = readClockMs()
        for (; next < load.count && next < ((now - startedAt) / 1_000) * load.perSecond; next += 1) {
          sentAtMs[next] = now
          due.push(next)
        }
        if (next === load.count) clearInterval(ticking)
        sendDue()
      }, TICK_MS)
    })
  } finally {
    for (const connection of connections) connection.close()
  }
  return { sentAtMs, answerMs }
}
