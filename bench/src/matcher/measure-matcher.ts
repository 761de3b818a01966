import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { BenchResult, LocalContext, LocalMeasure } from '../measures/measure.js'
import type { MatcherFigures } from './figures.js'
import { judgeTargets } from './judge-targets.js'
import { SCENARIOS, type Scenario } from './scenarios.js'

/** What the process of one size tells. */
export type ChildMessage = { kind: 'said'; line: string } | { kind: 'found'; figures: MatcherFigures }

const MAIN = fileURLToPath(new URL('matcher-main.js', import.meta.url))
/** The trees of a million filters, which the loop needs, take some gigabytes. */
const HEAP_MIB = 14_000
/** From here on, making the rules takes longer than a quick look may. */
const QUICK_RULES_MAX = 100_000
const MICROS_UNIT_FIGURE = 'microsPerEvent'

/** Every size of the matcher. */
export const matcherMeasures: readonly LocalMeasure[] = SCENARIOS.map((scenario) => ({
  name: scenario.name,
  group: 'matcher',
  summary: scenario.summary,
  isLocal: true,
  isSlow: scenario.environments * scenario.rulesPerEnvironment > QUICK_RULES_MAX,
  run: async (context) => describeResult(scenario, await runChild(scenario, context), context),
}))

function runChild({ name }: Scenario, { say, signal, isQuick, profileDir }: LocalContext): Promise<MatcherFigures> {
  const child = spawn(
    process.execPath,
    [
      '--expose-gc',
      `--max-old-space-size=${HEAP_MIB}`,
      MAIN,
      name,
      isQuick ? 'quick' : 'full',
      ...(profileDir === undefined ? [] : [profileDir]),
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], signal, killSignal: 'SIGKILL' },
  )
  return new Promise((resolve, reject) => {
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'said') say(message.line)
      else resolve(message.figures)
    })
    child.once('error', reject)
    child.once('exit', (code, by) => reject(new Error(`The process of ${name} ended: ${by ?? `exit code ${code}`}`)))
  })
}

function describeResult(scenario: Scenario, figures: MatcherFigures, { earlier }: LocalContext): BenchResult {
  const rate10k = earlier.find(({ name }) => name === 'matcher_10000')?.details['eventsPerSecond']
  const rateOf10k = typeof rate10k === 'number' ? figures.eventsPerSecond / rate10k : null
  const targets = judgeTargets(scenario.targets, { ...figures, rateOf10k })
  const inMicros = scenario.targets.some(({ figure }) => figure === MICROS_UNIT_FIGURE)
  const { eventsPerSecond, loopPerSecond, ratio, microsPerEvent } = figures
  return {
    name: scenario.name,
    value: inMicros ? microsPerEvent : eventsPerSecond,
    unit: inMicros ? 'µs per event' : 'events/s',
    against: {
      name: 'loop over name and source',
      value: inMicros ? Math.round(1_000_000 / loopPerSecond) : loopPerSecond,
    },
    ratio,
    details: {
      target: targets.map(({ text }) => text).join(', ') || '–',
      isTargetMet: targets.every(({ isMet }) => isMet),
      targets,
      rateOf10k,
      ...figures,
    },
  }
}
