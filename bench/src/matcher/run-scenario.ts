import { setTimeout as wait } from 'node:timers/promises'
import {
  createEventMatcher,
  createMatcherShapes,
  type DispatcherRule,
  type EventMatcher,
  type MatcherStats,
} from '@signalbox/domain'
import { round } from '../stats.js'
import { createParsingFeed, createStandingFeed, type EventOf } from './event-feed.js'
import type { ColdFigures, MatcherFigures } from './figures.js'
import { createCompiledLoop, createReferenceLoop, type MatchLoop } from './match-loop.js'
import { createRandom } from './random.js'
import { createScenarioData, type Scenario, type ScenarioData } from './scenarios.js'
import { countStringBytes } from './string-bytes.js'
import { createRateMeter, measureLatencies, type Rate, timeMs } from './time-calls.js'
import { WORKLOAD_NOW } from './workload.js'

/** How long each part goes on. */
export interface Pace {
  readonly events: number
  readonly roundMs: number
  readonly loopRoundMs: number
  readonly coldRoundMs: number
  readonly checkMs: number
}

/** For results. */
export const FULL_PACE: Pace = { events: 20_000, roundMs: 1_000, loopRoundMs: 800, coldRoundMs: 400, checkMs: 2_000 }
/** For finding out whether a change helps. */
export const QUICK_PACE: Pace = { events: 5_000, roundMs: 400, loopRoundMs: 400, coldRoundMs: 300, checkMs: 500 }

/** The best of them counts: what else runs on the machine takes from some. */
const ROUNDS = 7
const CHECKED_EVENTS_MIN = 20
const CHECKED_EVENTS_MAX = 2_000
const RULES_AT_ONCE = 10_000
const MAINTAIN_AT_ONCE = 10_000
const CHURN_SHARE = 0.1
const CHURN_SALT = 301
const MS_PER_SECOND = 1_000
const MICROS_PER_SECOND = 1_000_000
const GC_PAUSE_MS = 50

/** What a run needs from outside. */
export interface RunTools {
  readonly pace: Pace
  readonly say: (line: string) => void
  /** Collects all garbage. */
  readonly gc: () => void
  /** Runs the timed part, under a profiler perhaps. */
  readonly profile: <Result>(work: () => Result) => Promise<Result>
}

type MatchOne = (one: EventOf) => string[]

interface CheckedAnswer {
  readonly one: EventOf
  readonly ids: string
}

/** Measures one size, and throws when the index ever answers otherwise than the loops. */
export async function runScenario(scenario: Scenario, tools: RunTools): Promise<MatcherFigures> {
  const { pace, say } = tools
  const data = createScenarioData(scenario)
  const events = Array.from({ length: pace.events }, (_, number) => data.makeEvent(number))
  const emptyBytes = await readMemory(tools)
  say(`adding ${data.rules} filters`)
  const { matchers, stringBytes, addMs } = fillMatchers(scenario, data)
  const matchOne: MatchOne = ({ environment, event }) =>
    (matchers[environment] as EventMatcher).match(event, WORKLOAD_NOW).dispatcherIds
  const afterFilling = timeMs(() => settle(matchers))
  say('warming up')
  for (let warmUp = 0; warmUp < 2; warmUp += 1) for (const one of events) matchOne(one)
  const afterWarmUp = timeMs(() => settle(matchers))
  const bytes = (await readMemory(tools)) - emptyBytes

  const answers: CheckedAnswer[] = []
  const setting = { scenario, data, events, matchOne, tools, answers }
  const loop = measureLoop('loop', createReferenceLoop, setting)
  const compiledLoop = measureLoop('compiled loop', createCompiledLoop, setting)
  const before = addStats(matchers)
  for (const one of events) matchOne(one)
  const after = addStats(matchers)
  const { rounds, cold, latencies } = await timeIndex(events, matchOne, tools)
  const churn = churnRules(matchers, data)
  checkAnswers(answers, matchOne)
  settle(matchers)
  checkAnswers(answers, matchOne)
  // They take memory too.
  answers.length = 0
  const bytesAfterChurn = (await readMemory(tools)) - emptyBytes
  // Events were there before the first filter, and have to be until here.
  say(`${events.length} events gone round`)

  const perFilter = (total: number): number => round(total / data.rules)
  return {
    filters: data.rules,
    ...describeRates({ rounds, loop, compiledLoop }),
    cold: describeCold({ index: cold, loop: loop.cold, compiledLoop: compiledLoop.cold }),
    p50Micros: round(latencies.p50, 1),
    p99Micros: round(latencies.p99, 1),
    ...readCounters(before, after),
    bytesPerFilter: perFilter(bytes - stringBytes),
    bytesPerFilterWithStrings: perFilter(bytes),
    bytesPerFilterAfterChurn: perFilter(bytesAfterChurn - stringBytes),
    statedBytesPerFilter: perFilter(after.bytes),
    addsPerSecond: round((data.rules / addMs) * MS_PER_SECOND),
    ...churn,
    maintainMs: { afterFilling: round(afterFilling, 1), afterWarmUp: round(afterWarmUp, 1) },
  }
}

function describeRates({
  rounds,
  loop,
  compiledLoop,
}: {
  rounds: readonly Rate[]
  loop: LoopFigures
  compiledLoop: LoopFigures
}): Pick<
  MatcherFigures,
  | 'eventsPerSecond'
  | 'microsPerEvent'
  | 'rounds'
  | 'loopPerSecond'
  | 'compiledLoopPerSecond'
  | 'ratio'
  | 'compiledRatio'
  | 'cpuMicrosPerCall'
  | 'cpuRatio'
  | 'checkedEvents'
> {
  const best = findBest(rounds)
  return {
    eventsPerSecond: round(best.perSecond),
    microsPerEvent: round(MICROS_PER_SECOND / best.perSecond, 2),
    rounds: rounds.map(({ perSecond }) => round(perSecond)),
    loopPerSecond: round(loop.perSecond, 1),
    compiledLoopPerSecond: round(compiledLoop.perSecond, 1),
    ratio: round(best.perSecond / loop.perSecond, 1),
    compiledRatio: round(best.perSecond / compiledLoop.perSecond, 1),
    cpuMicrosPerCall: {
      index: round(best.cpuMicros, 2),
      loop: round(loop.cpuMicros, 2),
      compiledLoop: round(compiledLoop.cpuMicros, 2),
    },
    cpuRatio: round(loop.cpuMicros / best.cpuMicros, 1),
    checkedEvents: Math.min(loop.checkedEvents, compiledLoop.checkedEvents),
  }
}

function describeCold({ index, loop, compiledLoop }: Record<'index' | 'loop' | 'compiledLoop', Rate>): ColdFigures {
  return {
    eventsPerSecond: round(index.perSecond),
    loopPerSecond: round(loop.perSecond, 1),
    compiledLoopPerSecond: round(compiledLoop.perSecond, 1),
    ratio: round(index.perSecond / loop.perSecond, 1),
  }
}

/** Adds the rules as they are made, so that none but what the matchers keep of them stays in memory. */
function fillMatchers(
  { environments }: Scenario,
  data: ScenarioData,
): { matchers: EventMatcher[]; stringBytes: number; addMs: number } {
  const shapes = createMatcherShapes()
  const matchers = Array.from({ length: environments }, () => createEventMatcher([], { shapes }))
  const sums = { stringBytes: 0, addMs: 0 }
  eachRuleGroup(data.rules, (numbers) => {
    const rules = numbers.map((number) => data.makeRule(number))
    for (const rule of rules) sums.stringBytes += countStringBytes(rule)
    sums.addMs += timeMs(() => {
      for (const [index, rule] of rules.entries()) matcherOf(matchers, data, numbers[index] as number).add(rule)
    })
  })
  return { matchers, ...sums }
}

function eachRuleGroup(rules: number, use: (numbers: number[]) => void): void {
  for (let first = 0; first < rules; first += RULES_AT_ONCE) {
    use(Array.from({ length: Math.min(RULES_AT_ONCE, rules - first) }, (_, index) => first + index))
  }
}

function matcherOf(matchers: readonly EventMatcher[], data: ScenarioData, rule: number): EventMatcher {
  return matchers[data.environmentOf(rule)] as EventMatcher
}

function settle(matchers: readonly EventMatcher[]): void {
  for (const matcher of matchers) {
    let isMoreLeft = true
    while (isMoreLeft) isMoreLeft = matcher.maintain(MAINTAIN_AT_ONCE)
  }
}

interface LoopSetting {
  readonly scenario: Scenario
  readonly data: ScenarioData
  readonly events: readonly EventOf[]
  readonly matchOne: MatchOne
  readonly tools: RunTools
  /** Takes in what the loop answers. */
  readonly answers: CheckedAnswer[]
}

interface LoopFigures extends Rate {
  readonly cold: Rate
  readonly checkedEvents: number
}

/** Builds a loop, compares its answers with those of the index, and then times it. */
function measureLoop(
  name: string,
  create: () => MatchLoop,
  { scenario, data, events, matchOne, tools: { pace, say }, answers }: LoopSetting,
): LoopFigures {
  say(`${name}: reading the filters`)
  const loops = Array.from({ length: scenario.environments }, create)
  for (let number = 0; number < data.rules; number += 1) {
    ;(loops[data.environmentOf(number)] as MatchLoop).add(data.makeRule(number))
  }
  for (const { environment, event } of events) (loops[environment] as MatchLoop).prepare(event)
  const loopOne: MatchOne = ({ environment, event }) => (loops[environment] as MatchLoop).match(event, WORKLOAD_NOW)
  const checked: CheckedAnswer[] = []
  const startedAt = Date.now()
  for (const one of events.slice(0, CHECKED_EVENTS_MAX)) {
    checked.push({ one, ids: loopOne(one).join() })
    if (checked.length >= CHECKED_EVENTS_MIN && Date.now() - startedAt > pace.checkMs) break
  }
  checkAnswers(checked, matchOne)
  answers.push(...checked)
  const measure = createRateMeter(createParsingFeed(events), loopOne)
  const best = findBest(Array.from({ length: ROUNDS }, () => measure(pace.loopRoundMs)))
  const cold = measureCold(events, loopOne, pace)
  say(`${name}: ${round(best.perSecond, 1)}/s; ${checked.length} answers are those of the index`)
  return { ...best, cold, checkedEvents: checked.length }
}

function checkAnswers(answers: readonly CheckedAnswer[], matchOne: MatchOne): void {
  for (const [number, { one, ids }] of answers.entries()) {
    const found = matchOne(one).join()
    if (found !== ids) throw new Error(`Answer ${number}: the index finds [${found}], the loop [${ids}]`)
  }
}

async function timeIndex(
  events: readonly EventOf[],
  matchOne: MatchOne,
  { pace, profile, say }: RunTools,
): Promise<{ rounds: Rate[]; cold: Rate; latencies: { p50: number; p99: number } }> {
  say('timing')
  const feed = createParsingFeed(events)
  const measure = createRateMeter(feed, matchOne)
  // What else ran in between took its place in the caches of the processor.
  measure(pace.roundMs)
  const rounds = await profile(() => Array.from({ length: ROUNDS }, () => measure(pace.roundMs)))
  say(`${rounds.map(({ perSecond }) => round(perSecond)).join(', ')} events/s`)
  const passes = Array.from({ length: ROUNDS }, () => measureLatencies(events.length, feed, matchOne))
  const [latencies = { p50: NaN, p99: NaN }] = passes.toSorted((a, b) => a.p99 - b.p99)
  return { rounds, cold: measureCold(events, matchOne, pace), latencies }
}

/** The same on events that were parsed long ago. */
function measureCold(events: readonly EventOf[], matchOne: MatchOne, { coldRoundMs }: Pace): Rate {
  const measure = createRateMeter(createStandingFeed(events), matchOne)
  return findBest(Array.from({ length: ROUNDS }, () => measure(coldRoundMs)))
}

function findBest(rounds: readonly Rate[]): Rate {
  return rounds.reduce((best, one) => (one.perSecond > best.perSecond ? one : best))
}

/** Removes a random tenth, and adds it again. */
function churnRules(
  matchers: readonly EventMatcher[],
  data: ScenarioData,
): { removesPerSecond: number; addsBackPerSecond: number } {
  const random = createRandom(CHURN_SALT)
  const count = Math.max(1, Math.floor(data.rules * CHURN_SHARE))
  const numbers = new Set<number>()
  while (numbers.size < count) numbers.add(random.below(data.rules))
  // In a drawn order too: neighbours in memory would be removed faster.
  const rules = [...numbers].map((number): [EventMatcher, DispatcherRule] => [
    matcherOf(matchers, data, number),
    data.makeRule(number),
  ])
  const removeMs = timeMs(() => {
    for (const [matcher, { id }] of rules) {
      if (!matcher.remove(id)) throw new Error(`There was no rule ${id}`)
    }
  })
  const addMs = timeMs(() => {
    for (const [matcher, rule] of rules) matcher.add(rule)
  })
  return {
    removesPerSecond: round((count / removeMs) * MS_PER_SECOND),
    addsBackPerSecond: round((count / addMs) * MS_PER_SECOND),
  }
}

function addStats(matchers: readonly EventMatcher[]): MatcherStats {
  const sum: MatcherStats = { rules: 0, bytes: 0, events: 0, matches: 0, candidates: 0, probes: 0 }
  const keys = Object.keys(sum) as (keyof MatcherStats)[]
  for (const matcher of matchers) {
    const stats = matcher.stats()
    for (const key of keys) sum[key] += stats[key]
  }
  return sum
}

function readCounters(
  before: MatcherStats,
  after: MatcherStats,
): Pick<MatcherFigures, 'matchesPerEvent' | 'candidatesPerMatch' | 'probesPerEvent'> {
  const events = after.events - before.events
  const matches = after.matches - before.matches
  return {
    matchesPerEvent: round(matches / events, 2),
    candidatesPerMatch: round((after.candidates - before.candidates) / Math.max(1, matches), 2),
    probesPerEvent: round((after.probes - before.probes) / events, 1),
  }
}

/** Bytes of the heap, and of buffers beside it. The latter are freed a moment after they were collected. */
async function readMemory({ gc }: Pick<RunTools, 'gc'>): Promise<number> {
  for (let time = 0; time < 2; time += 1) {
    gc()
    await wait(GC_PAUSE_MS)
  }
  // `external` counts the array buffers in.
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
