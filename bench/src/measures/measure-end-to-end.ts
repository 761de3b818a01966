import { median, round } from '../stats.js'
import type { EventSeries } from '../sample-events.js'
import type { Tool, Tools } from '../tools/start-tool.js'
import { createUsageMeter } from '../usage/create-usage-meter.js'
import { countSucceeded, emptyTables } from './event-tables.js'
import type { BenchResult, Measure, MeasureContext } from './measure.js'
import { waitUntil } from './wait-until.js'
import { createWebhook, verifyArrivals, type Webhook } from './webhook.js'

const EVENTS = 30_000
const ROUNDS = 7
/** A whole round: what the compilers of the processes do at first is not what an event costs. */
const WARM_UP_EVENTS = EVENTS
const EVENTS_PER_REQUEST = 500
const SENDING_CONNECTIONS = 2
const BARE_CONNECTIONS = 64
const BARE_POSTS = 60_000
const TIMEOUT_MS = 120_000
const RATIO_MIN = 0.2

/** Accepted → matched → sent and signed → answered 200 → attempt recorded, against bare POSTs to the same receiver. */
export const measureEndToEnd: Measure = {
  name: 'end_to_end',
  summary: `${EVENTS} events to one webhook, until every attempt is recorded, against bare undici POSTs to the same receiver`,
  run,
}

interface Round {
  readonly perSecond: number
  readonly barePerSecond: number
  /** Seconds until all were accepted, had arrived, and were recorded. */
  readonly acceptedS: number
  readonly arrivedS: number
  readonly recordedS: number
  readonly duplicates: number
}

interface Course extends MeasureContext {
  readonly load: Tool<Tools['load']>
  readonly webhook: Webhook
}

async function run(context: MeasureContext): Promise<BenchResult> {
  const { stack, say } = context
  const load = await stack.startTool('load')
  const webhook = await createWebhook(stack)
  const course: Course = { ...context, load, webhook }
  const meter = createUsageMeter([
    ...stack.processes,
    { name: 'load', pid: () => load.pid },
    { name: 'receiver', pid: () => webhook.receiver.pid },
  ])
  const bareMeter = createUsageMeter([
    { name: 'undici', pid: () => load.pid },
    { name: 'receiver', pid: () => webhook.receiver.pid },
  ])

  say('warming up')
  await postBare(course, { prefix: 'bare-warm', count: WARM_UP_EVENTS })
  await deliverSeries(course, { prefix: 'warm', count: WARM_UP_EVENTS })
  const rounds: Round[] = []
  for (let number = 1; number <= ROUNDS; number += 1) {
    await emptyTables(stack.pool)
    const bareSeries = { prefix: `bare-${number}`, count: BARE_POSTS }
    const barePerSecond = await bareMeter.during(() => postBare(course, bareSeries))
    const series = { prefix: `event-${number}`, count: EVENTS }
    const delivered = await meter.during(() => deliverSeries(course, series))
    rounds.push({ ...delivered, barePerSecond })
    say(`round ${number} of ${ROUNDS}: ${round(delivered.perSecond)} events/s, bare ${round(barePerSecond)} POSTs/s`)
  }
  return makeResult(rounds, { ...meter.report(ROUNDS * EVENTS), against: bareMeter.report(ROUNDS * BARE_POSTS) })
}

async function postBare({ load, webhook }: Course, series: EventSeries): Promise<number> {
  await webhook.receiver.call('expectSeries', series)
  const { perSecond } = await load.call('postSeriesBare', {
    ...series,
    url: webhook.url,
    connections: BARE_CONNECTIONS,
  })
  return perSecond
}

/** Sends a series and waits for the last attempt of it to be recorded. @throws when anything got lost on the way. */
async function deliverSeries(course: Course, series: EventSeries): Promise<Omit<Round, 'barePerSecond'>> {
  const { stack, load, webhook } = course
  const { receiver } = webhook
  const before = await countSucceeded(stack.pool)
  await receiver.call('expectSeries', series)
  const sent = await load.call('postSeries', {
    ...series,
    url: `${stack.apiUrl}/api/v1/events/bulk`,
    secretKey: stack.secretKey,
    eventsPerRequest: EVENTS_PER_REQUEST,
    connections: SENDING_CONNECTIONS,
  })
  await waitUntil(async () => (await receiver.call('countArrivals')).unique >= series.count, {
    what: 'delivering',
    timeoutMs: TIMEOUT_MS,
  })
  const arrivedAt = Date.now()
  await waitUntil(async () => (await countSucceeded(stack.pool)).deliveries - before.deliveries >= series.count, {
    what: 'recording the attempts',
    timeoutMs: TIMEOUT_MS,
  })
  const recordedAt = Date.now()
  const { duplicates } = await verifyArrivals(receiver, series)
  const { attempts } = await countSucceeded(stack.pool)
  if (attempts - before.attempts < series.count)
    throw new Error(`Only ${attempts - before.attempts} attempts are recorded`)
  const seconds = (at: number): number => (at - sent.startedAt) / 1_000
  return {
    perSecond: series.count / seconds(recordedAt),
    acceptedS: seconds(sent.endedAt),
    arrivedS: seconds(arrivedAt),
    recordedS: seconds(recordedAt),
    duplicates,
  }
}

function makeResult(rounds: readonly Round[], usage: object): BenchResult {
  const ratio = median(rounds.map((one) => one.perSecond / one.barePerSecond))
  return {
    name: 'end_to_end',
    value: round(median(rounds.map((one) => one.perSecond))),
    unit: 'events/s',
    against: { name: 'bare undici POSTs', value: round(median(rounds.map((one) => one.barePerSecond))) },
    ratio: round(ratio, 3),
    details: {
      target: `ratio ≥ ${RATIO_MIN}`,
      isTargetMet: ratio >= RATIO_MIN,
      eventsPerRound: EVENTS,
      lost: 0,
      duplicates: rounds.reduce((sum, one) => sum + one.duplicates, 0),
      rounds: rounds.map((one) => [round(one.perSecond), round(one.barePerSecond)]),
      secondsUntil: {
        accepted: round(median(rounds.map((one) => one.acceptedS)), 2),
        arrived: round(median(rounds.map((one) => one.arrivedS)), 2),
        recorded: round(median(rounds.map((one) => one.recordedS)), 2),
      },
      ...usage,
    },
  }
}
