import { median, round } from '../stats.js'
import type { TimedLoadResult } from '../tools/post-for-seconds.js'
import { createUsageMeter } from '../usage/create-usage-meter.js'
import { countEvents, emptyTables, waitUntilMatched } from './event-tables.js'
import type { BenchResult, Measure, MeasureContext } from './measure.js'
import { describeGroups, readGroupSums } from './read-accept-groups.js'

const CONNECTIONS = 100
const ROUNDS = 3
const SECONDS = 4
const WARM_UP_SECONDS = 2
const RATIO_MIN = 0.7

/** Single events, each durable before it is answered, against an Express that only echoes. */
export const measureSingle: Measure = {
  name: 'single',
  summary: `POST /api/v1/events, ${CONNECTIONS} connections, everything on, against a bare Express echo`,
  run,
}

async function run({ stack, say }: MeasureContext): Promise<BenchResult> {
  const load = await stack.startTool('load')
  const echo = await stack.startTool('echo')
  const { port } = await echo.call('listen')
  const urls = { api: `${stack.apiUrl}/api/v1/events`, echo: `http://127.0.0.1:${port}/api/v1/events` }
  const post = (url: string, seconds: number): Promise<TimedLoadResult> =>
    load.call('postForSeconds', { url, secretKey: stack.secretKey, connections: CONNECTIONS, seconds })
  const meter = createUsageMeter([...stack.processes, { name: 'load', pid: () => load.pid }])

  const echoMeter = createUsageMeter([{ name: 'echo', pid: () => echo.pid }])

  say('warming up')
  await post(urls.echo, WARM_UP_SECONDS)
  await post(urls.api, WARM_UP_SECONDS)
  const groupsBefore = await readGroupSums(stack.apiUrl)
  const rounds: { api: TimedLoadResult; echo: TimedLoadResult }[] = []
  for (let number = 1; number <= ROUNDS; number += 1) {
    await waitUntilMatched(stack.pool)
    await emptyTables(stack.pool)
    const echoed = await echoMeter.during(() => post(urls.echo, SECONDS))
    const accepted = await meter.during(async () => {
      const result = await post(urls.api, SECONDS)
      await waitUntilMatched(stack.pool)
      return result
    })
    const stored = await countEvents(stack.pool)
    if (stored !== accepted.requests)
      throw new Error(`${accepted.requests} events were answered 200, ${stored} are stored`)
    rounds.push({ api: accepted, echo: echoed })
    say(`round ${number} of ${ROUNDS}: ${round(accepted.perSecond)}/s, echo ${round(echoed.perSecond)}/s`)
  }
  const ratio = median(rounds.map((one) => one.api.perSecond / one.echo.perSecond))
  return {
    name: 'single',
    value: round(median(rounds.map((one) => one.api.perSecond))),
    unit: 'events/s',
    against: { name: 'bare Express echo', value: round(median(rounds.map((one) => one.echo.perSecond))) },
    ratio: round(ratio, 3),
    details: {
      target: `ratio ≥ ${RATIO_MIN}`,
      isTargetMet: ratio >= RATIO_MIN,
      p50Ms: round(median(rounds.map((one) => one.api.p50Ms)), 1),
      p99Ms: round(median(rounds.map((one) => one.api.p99Ms)), 1),
      group: describeGroups(groupsBefore, await readGroupSums(stack.apiUrl)),
      rounds: rounds.map((one) => [round(one.api.perSecond), round(one.echo.perSecond)]),
      ...meter.report(rounds.reduce((sum, one) => sum + one.api.requests, 0)),
      against: echoMeter.report(rounds.reduce((sum, one) => sum + one.echo.requests, 0)),
    },
  }
}
