import { APP_NAMES } from '@signalbox/devkit'
import { round } from '../stats.js'
import { createUsageMeter, type MemoryUsage } from '../usage/create-usage-meter.js'
import { countEvents, countSucceeded } from './event-tables.js'
import type { BenchResult, Measure, MeasureContext } from './measure.js'
import { waitUntil } from './wait-until.js'
import { createWebhook, verifyArrivals } from './webhook.js'

const EVENTS = 200_000
const EVENTS_PER_REQUEST = 500
const CONNECTIONS = 4
const TIMEOUT_MS = 300_000
const PROGRESS_MS = 5_000
const MEMORY_MIB_MAX = 400
/** A process whose second half needs more than this beyond its first is growing. */
const GROWTH_MIB_MAX = 64

/** Events that were accepted while nobody delivered, and then are. */
export const measureBacklog: Measure = {
  name: 'backlog',
  summary: `${EVENTS} events accepted while no worker runs, then drained: memory, loss, rate`,
  run,
}

async function run({ stack, say }: MeasureContext): Promise<BenchResult> {
  const load = await stack.startTool('load')
  const { receiver } = await createWebhook(stack)
  const workers = [stack.app('deliver-worker'), stack.app('dispatcher-worker')]
  const accepting = createUsageMeter(stack.processes)
  const draining = createUsageMeter([...stack.processes, { name: 'receiver', pid: () => receiver.pid }])
  const series = { prefix: 'event', count: EVENTS }
  await receiver.call('expectSeries', series)

  await Promise.all(workers.map((worker) => worker.stop()))
  say(`accepting ${EVENTS} events without workers`)
  const sent = await accepting.during(() =>
    load.call('postSeries', {
      ...series,
      url: `${stack.apiUrl}/api/v1/events/bulk`,
      secretKey: stack.secretKey,
      eventsPerRequest: EVENTS_PER_REQUEST,
      connections: CONNECTIONS,
    }),
  )
  const stored = await countEvents(stack.pool)
  if (stored !== EVENTS) throw new Error(`${EVENTS} events were answered 200, ${stored} are stored`)

  const startedAt = performance.now()
  await Promise.all(workers.map((worker) => worker.start()))
  let saidAt = startedAt
  await draining.during(async () => {
    await waitUntil(
      async () => {
        const { unique } = await receiver.call('countArrivals')
        if (performance.now() - saidAt > PROGRESS_MS) {
          saidAt = performance.now()
          say(`${unique} of ${EVENTS} have arrived`)
        }
        return unique >= EVENTS
      },
      { what: 'draining', timeoutMs: TIMEOUT_MS, pollMs: 100 },
    )
    await waitUntil(async () => (await countSucceeded(stack.pool)).deliveries >= EVENTS, {
      what: 'recording the attempts',
      timeoutMs: TIMEOUT_MS,
      pollMs: 100,
    })
  })
  const seconds = (performance.now() - startedAt) / 1_000
  const { duplicates } = await verifyArrivals(receiver, series)
  const { attempts } = await countSucceeded(stack.pool)
  if (attempts < EVENTS) throw new Error(`Only ${attempts} attempts are recorded`)
  const { memory, cpuMicrosPerEvent } = draining.report(EVENTS)
  const memoryAccepting = accepting.report(EVENTS).memory
  const judgement = judgeMemory(memory, memoryAccepting)
  return {
    name: 'backlog',
    value: round(EVENTS / seconds),
    unit: 'events/s drained',
    against: null,
    ratio: null,
    details: {
      target: `each process ≤ ${MEMORY_MIB_MAX} MiB and flat, nothing lost`,
      isTargetMet: judgement.isWithin && judgement.isFlat,
      ...judgement,
      events: EVENTS,
      lost: 0,
      duplicates,
      acceptedPerSecond: round(EVENTS / ((sent.endedAt - sent.startedAt) / 1_000)),
      drainedSeconds: round(seconds, 1),
      cpuMicrosPerEvent,
      memory,
      memoryAccepting,
    },
  }
}

type Memory = Readonly<Record<string, MemoryUsage>>

/** Judges the apps; what Postgres and Redis keep is theirs, and told in the details. */
function judgeMemory(draining: Memory, accepting: Memory) {
  const peaks = APP_NAMES.map((name) => Math.max(draining[name]?.peakMiB ?? 0, accepting[name]?.peakMiB ?? 0))
  const largestPeakMiB = Math.max(...peaks)
  const isFlat = APP_NAMES.every((name) => {
    const { firstHalfMiB, secondHalfMiB } = draining[name] ?? { firstHalfMiB: 0, secondHalfMiB: 0 }
    return secondHalfMiB <= firstHalfMiB + GROWTH_MIB_MAX
  })
  return { largestPeakMiB, isWithin: largestPeakMiB <= MEMORY_MIB_MAX, isFlat }
}
