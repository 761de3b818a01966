import { percentile, round } from '../stats.js'
import { createUsageMeter } from '../usage/create-usage-meter.js'
import { fillDispatchers } from './fill-dispatchers.js'
import type { BenchResult, Measure, MeasureContext } from './measure.js'
import { waitUntil } from './wait-until.js'
import { createWebhook, verifyArrivals } from './webhook.js'

const DISPATCHERS = 1_000_000
const TIMEOUT_MS = 300_000
const POLL_MS = 50
const PER_SECOND = 50
const CONNECTIONS = 10
/** The neighbour's events are sent in series of so many, one after another, until the load has ended. */
const SERIES_COUNT = 100

const LOAD_SECONDS_MAX = 60
const MEMORY_MIB_MAX = 700
const DELAY_P99_MS_MAX = 50

/** The first event of an environment with very many dispatchers, while another environment's events go on. */
export const measureMatcherLoad: Measure = {
  name: 'matcher_load',
  summary: `a fresh deliver-worker meets an environment with ${DISPATCHERS} dispatchers: time, memory, neighbours`,
  run,
}

async function run({ stack, say }: MeasureContext): Promise<BenchResult> {
  const load = await stack.startTool('load')
  const { receiver } = await createWebhook(stack, stack.neighbour.secretKey)
  say(`making ${DISPATCHERS} dispatchers`)
  const wantedId = await fillDispatchers(stack, DISPATCHERS)
  const worker = stack.app('deliver-worker')
  await worker.stop()
  await worker.start()
  const sendSeries = async (prefix: string): Promise<number[]> => {
    const series = { prefix, count: SERIES_COUNT }
    await receiver.call('expectSeries', series)
    const { sentAtMs } = await load.call('postPaced', {
      ...series,
      url: `${stack.apiUrl}/api/v1/events`,
      secretKey: stack.neighbour.secretKey,
      perSecond: PER_SECOND,
      connections: CONNECTIONS,
    })
    await waitUntil(async () => (await receiver.call('countArrivals')).unique >= SERIES_COUNT, {
      what: 'delivering',
      timeoutMs: TIMEOUT_MS,
    })
    await verifyArrivals(receiver, series)
    return (await receiver.call('listArrivalTimes')).map((at, index) => at - (sentAtMs[index] ?? Number.NaN))
  }
  say('warming up')
  await sendSeries('warm')
  const quiet = await sendSeries('quiet')

  const meter = createUsageMeter([{ name: 'deliver-worker', pid: () => worker.pid() }])
  const latencies: number[] = []
  // The delay of the event loop counts from one reading to the next.
  await stack.readMetrics('deliver-worker')
  say('sending the event')
  const seconds = await meter.during(async () => {
    const loading = { isOver: false }
    const delivering = deliverOne(stack, wantedId).finally(() => (loading.isOver = true))
    for (let number = 0; !loading.isOver; number += 1) latencies.push(...(await sendSeries(`series${number}`)))
    return delivering
  })
  const metrics = readMatcherMetrics(await stack.readMetrics('deliver-worker'))
  const { peakMiB = Infinity } = meter.report(1).memory['deliver-worker'] ?? {}
  const { delayP99Ms } = metrics
  return {
    name: 'matcher_load',
    value: round(seconds, 1),
    unit: 's to load and match',
    against: null,
    ratio: null,
    details: {
      target: `≤ ${LOAD_SECONDS_MAX} s, ≤ ${MEMORY_MIB_MAX} MiB, event loop p99 ≤ ${DELAY_P99_MS_MAX} ms`,
      isTargetMet: seconds <= LOAD_SECONDS_MAX && peakMiB <= MEMORY_MIB_MAX && delayP99Ms <= DELAY_P99_MS_MAX,
      dispatchers: DISPATCHERS,
      peakMiB,
      ...metrics,
      neighbour: {
        events: latencies.length,
        p50Ms: round(percentile(latencies, 50), 1),
        p99Ms: round(percentile(latencies, 99), 1),
        quietP50Ms: round(percentile(quiet, 50), 1),
        quietP99Ms: round(percentile(quiet, 99), 1),
      },
      ...meter.report(DISPATCHERS),
    },
  }
}

/** Sends one event that one of the dispatchers wants; gives the seconds until its delivery is written. */
async function deliverOne(stack: MeasureContext['stack'], wantedId: string): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(`${stack.apiUrl}/api/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ event: { id: wantedId, name: 'order.paid', payload: { order: { id: wantedId } } } }),
  })
  if (!response.ok) throw new Error(`The event was answered ${response.status}: ${await response.text()}`)
  const query = 'select matched_count from event_records where event_id = $1 and delivered_at is not null'
  let matched: number | undefined
  await waitUntil(
    async () => {
      matched = (await stack.pool.query<{ matched_count: number }>(query, [wantedId])).rows[0]?.matched_count
      return matched !== undefined
    },
    { what: 'loading the dispatchers', timeoutMs: TIMEOUT_MS, pollMs: POLL_MS },
  )
  if (matched !== 1) throw new Error(`The event went to ${matched} dispatchers, not to the one that wants it`)
  return (performance.now() - startedAt) / 1_000
}

function readMatcherMetrics(text: string) {
  const read = (name: string): number =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  return {
    delayP50Ms: round(read('signalbox_nodejs_eventloop_lag_p50_seconds') * 1_000, 1),
    delayP99Ms: round(read('signalbox_nodejs_eventloop_lag_p99_seconds') * 1_000, 1),
    delayMaxMs: round(read('signalbox_nodejs_eventloop_lag_max_seconds') * 1_000, 1),
    rules: read('signalbox_matcher_rules'),
    matcherMiB: round(read('signalbox_matcher_bytes') / 1_048_576),
    loads: read('signalbox_matcher_loads_total'),
    heapMiB: round(read('signalbox_nodejs_heap_size_used_bytes') / 1_048_576),
  }
}
