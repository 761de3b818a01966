import type { TimedInsert } from '../tools/insert-main.js'
import { median, round } from '../stats.js'
import { createUsageMeter } from '../usage/create-usage-meter.js'
import { countEvents, emptyTables, waitUntilMatched } from './event-tables.js'
import type { BenchResult, Measure, MeasureContext } from './measure.js'

const CONNECTIONS = 4
const EVENTS_PER_REQUEST = 500
const ROUNDS = 3
const ROUNDS_ACCEPTING_ONLY = 2
const SECONDS = 3
const WARM_UP_SECONDS = 2
const RATIO_MIN = 0.5

/** Many events in one request, against inserting the same rows directly. */
export const measureBulk: Measure = {
  name: 'bulk',
  summary: `POST /api/v1/events/bulk, ${EVENTS_PER_REQUEST} events each, ${CONNECTIONS} at a time, against multi-row inserts through pg`,
  run,
}

/** Events per second of one round, and of the inserts right before it. */
interface Round {
  readonly api: number
  readonly insert: number
}

async function run({ stack, say }: MeasureContext): Promise<BenchResult> {
  const load = await stack.startTool('load')
  const inserter = await stack.startTool('insert')
  const meter = createUsageMeter([...stack.processes, { name: 'load', pid: () => load.pid }])
  const url = `${stack.apiUrl}/api/v1/events/bulk`
  const post = (seconds: number) =>
    load.call('postForSeconds', {
      url,
      secretKey: stack.secretKey,
      connections: CONNECTIONS,
      seconds,
      eventsPerRequest: EVENTS_PER_REQUEST,
    })
  const insert = (seconds: number) => inserter.call('insertForSeconds', makeInsert(stack, seconds))
  const insertMeter = createUsageMeter([
    ...stack.processes.filter(({ name }) => name === 'postgres'),
    { name: 'insert', pid: () => inserter.pid },
  ])
  let measured = 0
  let inserts = 0
  /** `isMatching`: the deliver-worker takes the events at the same time, and the round before it is through. */
  const runRound = async (isMatching: boolean): Promise<Round> => {
    await emptyTables(stack.pool)
    const inserted = await insertMeter.during(() => insert(SECONDS))
    inserts += inserted.rows
    await emptyTables(stack.pool)
    const measure = async () => {
      const result = await post(SECONDS)
      if (isMatching) await waitUntilMatched(stack.pool)
      return result
    }
    const accepted = isMatching ? await meter.during(measure) : await measure()
    const events = accepted.requests * EVENTS_PER_REQUEST
    const stored = await countEvents(stack.pool)
    if (stored !== events) throw new Error(`${events} events were answered 200, ${stored} are stored`)
    if (isMatching) measured += events
    return { api: accepted.perSecond * EVENTS_PER_REQUEST, insert: inserted.perSecond }
  }

  say('warming up')
  await insert(WARM_UP_SECONDS)
  await emptyTables(stack.pool)
  await post(WARM_UP_SECONDS)
  await waitUntilMatched(stack.pool)
  const rounds: Round[] = []
  for (let number = 1; number <= ROUNDS; number += 1) {
    rounds.push(await runRound(true))
    say(`round ${number} of ${ROUNDS}: ${tell(rounds.at(-1))}`)
  }
  await stack.app('deliver-worker').stop()
  const acceptingOnly: Round[] = []
  for (let number = 1; number <= ROUNDS_ACCEPTING_ONLY; number += 1) {
    acceptingOnly.push(await runRound(false))
    say(`accepting only, round ${number} of ${ROUNDS_ACCEPTING_ONLY}: ${tell(acceptingOnly.at(-1))}`)
  }
  return makeResult({
    rounds,
    acceptingOnly,
    usage: { ...meter.report(measured), against: insertMeter.report(inserts) },
  })
}

function makeInsert({ databaseUrl, scope }: MeasureContext['stack'], seconds: number): TimedInsert {
  return { databaseUrl, ...scope, connections: CONNECTIONS, rowsPerStatement: EVENTS_PER_REQUEST, seconds }
}

function makeResult(found: { rounds: Round[]; acceptingOnly: Round[]; usage: object }): BenchResult {
  const { rounds, acceptingOnly, usage } = found
  const ratio = medianRatio(rounds)
  return {
    name: 'bulk',
    value: round(median(rounds.map((one) => one.api))),
    unit: 'events/s',
    against: { name: 'multi-row inserts through pg', value: round(median(rounds.map((one) => one.insert))) },
    ratio: round(ratio, 3),
    details: {
      target: `ratio ≥ ${RATIO_MIN}`,
      isTargetMet: ratio >= RATIO_MIN,
      rounds: rounds.map((one) => [round(one.api), round(one.insert)]),
      acceptingOnly: {
        what: 'the deliver-worker is stopped: nothing is matched while events are accepted',
        ratio: round(medianRatio(acceptingOnly), 3),
        rounds: acceptingOnly.map((one) => [round(one.api), round(one.insert)]),
      },
      ...usage,
    },
  }
}

function medianRatio(rounds: readonly Round[]): number {
  return median(rounds.map((one) => one.api / one.insert))
}

function tell(one: Round | undefined): string {
  return `${round(one?.api ?? 0)} events/s, inserts ${round(one?.insert ?? 0)} rows/s`
}
