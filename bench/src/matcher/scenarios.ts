import type { DispatcherRule, MatchableEvent } from '@signalbox/domain'
import { createRandom, mix } from './random.js'
import { createShapesWorkload } from './shapes-workload.js'
import { createWorkload, type Workload } from './workload.js'

/** What one figure of a size must be at least or at most. */
export interface TargetBound {
  readonly figure:
    | 'ratio'
    | 'p99Micros'
    | 'bytesPerFilter'
    | 'addsPerSecond'
    | 'candidatesPerMatch'
    | 'probesPerEvent'
    | 'microsPerEvent'
    | 'rateOf10k'
  readonly atLeast?: number
  readonly atMost?: number
}

/** One size at which the matcher is measured. */
export interface Scenario {
  /** As it is called in results and on the command line. */
  readonly name: string
  readonly summary: string
  readonly kind: 'mixed' | 'shapes'
  readonly environments: number
  readonly rulesPerEnvironment: number
  readonly targets: readonly TargetBound[]
}

const COUNTER_TARGETS: readonly TargetBound[] = [
  { figure: 'candidatesPerMatch', atMost: 3 },
  { figure: 'probesPerEvent', atMost: 60 },
]
const SIZE_TARGETS: readonly TargetBound[] = [
  { figure: 'bytesPerFilter', atMost: 450 },
  { figure: 'addsPerSecond', atLeast: 50_000 },
]

const ONE_ENVIRONMENT: readonly [rules: number, targets: readonly TargetBound[]][] = [
  [1, []],
  [100, [{ figure: 'ratio', atLeast: 5 }]],
  [1_000, []],
  [10_000, [{ figure: 'ratio', atLeast: 25 }, ...COUNTER_TARGETS]],
  [100_000, [{ figure: 'ratio', atLeast: 350 }, ...COUNTER_TARGETS, ...SIZE_TARGETS]],
  [
    1_000_000,
    [
      { figure: 'ratio', atLeast: 2_500 },
      { figure: 'p99Micros', atMost: 100 },
      { figure: 'rateOf10k', atLeast: 1 / 3 },
      ...COUNTER_TARGETS,
      ...SIZE_TARGETS,
    ],
  ],
]

const MANY_ENVIRONMENTS: readonly [environments: number, rules: number][] = [
  [10_000, 100],
  [1_000, 1_000],
]

/** Every size, in the order in which they are measured. */
export const SCENARIOS: readonly Scenario[] = [
  ...ONE_ENVIRONMENT.map(([rules, targets]): Scenario => ({
    name: `matcher_${rules}`,
    summary: `events against ${rules} filters of one environment`,
    kind: 'mixed',
    environments: 1,
    rulesPerEnvironment: rules,
    targets,
  })),
  ...MANY_ENVIRONMENTS.map(([environments, rules]): Scenario => ({
    name: `matcher_${environments}x${rules}`,
    summary: `events of ${environments} environments against the ${rules} filters of each`,
    kind: 'mixed',
    environments,
    rulesPerEnvironment: rules,
    targets: [],
  })),
  {
    name: 'matcher_shapes',
    summary: 'events against 10000 filters of one name and source, no two on the same fields',
    kind: 'shapes',
    environments: 1,
    rulesPerEnvironment: 10_000,
    targets: [{ figure: 'microsPerEvent', atMost: 60 }],
  },
]

/** The rules and events of a size. */
export interface ScenarioData {
  readonly rules: number
  /** Which environment the rule with this number is in: the rules of one environment follow one another. */
  environmentOf(rule: number): number
  makeRule(rule: number): DispatcherRule
  makeEvent(event: number): { readonly environment: number; readonly event: MatchableEvent }
}

const SEED = 1
const EVENT_ENVIRONMENT_SALT = 99

/** Draws the rules and events of a size: always the same ones. */
export function createScenarioData({ kind, environments, rulesPerEnvironment: each }: Scenario): ScenarioData {
  // Environments differ in their rules; what the events have to choose from is the same in all.
  const create = (environment: number): Workload =>
    kind === 'shapes' ? createShapesWorkload(SEED, each) : createWorkload(mix(SEED, environment), each)
  let current = { environment: 0, workload: create(0) }
  const events = current.workload
  return {
    rules: environments * each,
    environmentOf: (rule) => Math.floor(rule / each),
    makeRule: (rule) => {
      const environment = Math.floor(rule / each)
      if (environment !== current.environment) current = { environment, workload: create(environment) }
      return current.workload.makeRule(rule % each)
    },
    makeEvent: (event) => ({
      environment: createRandom(SEED, EVENT_ENVIRONMENT_SALT, event).below(environments),
      event: events.makeEvent(event),
    }),
  }
}
