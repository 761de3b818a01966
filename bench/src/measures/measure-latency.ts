import { percentile, round } from '../stats.js'
import { createUsageMeter } from '../usage/create-usage-meter.js'
import type { BenchResult, Measure, MeasureContext } from './measure.js'
import { waitUntil } from './wait-until.js'
import { createWebhook, verifyArrivals } from './webhook.js'

const PER_SECOND = 200
const SECONDS = 20
const WARM_UP_SECONDS = 4
const CONNECTIONS = 20
const TIMEOUT_MS = 30_000
const P50_MS_MAX = 25
const P99_MS_MAX = 150

/** The time from a POST to its arrival at the receiver, at a modest steady rate. */
export const measureLatency: Measure = {
  name: 'latency',
  summary: `from POST to the receiver, at ${PER_SECOND} events per second`,
  run,
}

async function run({ stack, say }: MeasureContext): Promise<BenchResult> {
  const load = await stack.startTool('load')
  const { receiver } = await createWebhook(stack)
  const meter = createUsageMeter([...stack.processes, { name: 'receiver', pid: () => receiver.pid }])
  const send = async (prefix: string, seconds: number) => {
    const series = { prefix, count: PER_SECOND * seconds }
    await receiver.call('expectSeries', series)
    const sent = await load.call('postPaced', {
      ...series,
      url: `${stack.apiUrl}/api/v1/events`,
      secretKey: stack.secretKey,
      perSecond: PER_SECOND,
      connections: CONNECTIONS,
    })
    await waitUntil(async () => (await receiver.call('countArrivals')).unique >= series.count, {
      what: 'delivering',
      timeoutMs: TIMEOUT_MS,
    })
    const { duplicates } = await verifyArrivals(receiver, series)
    const arrivedAtMs = await receiver.call('listArrivalTimes')
    const latencies = arrivedAtMs.map((at, index) => at - (sent.sentAtMs[index] ?? Number.NaN))
    return { latencies, answers: sent.answerMs, duplicates }
  }

  say('warming up')
  await send('warm', WARM_UP_SECONDS)
  say(`${SECONDS} s at ${PER_SECOND}/s`)
  const { latencies, answers, duplicates } = await meter.during(() => send('event', SECONDS))
  const p50 = percentile(latencies, 50)
  const p99 = percentile(latencies, 99)
  return {
    name: 'latency',
    value: round(p50, 1),
    unit: 'ms (p50)',
    against: null,
    ratio: null,
    details: {
      target: `p50 ≤ ${P50_MS_MAX} ms, p99 ≤ ${P99_MS_MAX} ms`,
      isTargetMet: p50 <= P50_MS_MAX && p99 <= P99_MS_MAX,
      p50Ms: round(p50, 1),
      p90Ms: round(percentile(latencies, 90), 1),
      p99Ms: round(p99, 1),
      maxMs: round(percentile(latencies, 100), 1),
      answer: { p50Ms: round(percentile(answers, 50), 1), p99Ms: round(percentile(answers, 99), 1) },
      events: latencies.length,
      lost: 0,
      duplicates,
      ...meter.report(latencies.length),
    },
  }
}
