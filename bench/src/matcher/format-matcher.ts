import { formatTable } from '../format-table.js'
import type { BenchResult } from '../measures/measure.js'
import type { MatcherFigures } from './figures.js'
import type { JudgedTarget } from './judge-targets.js'

type MatcherDetails = MatcherFigures & { readonly targets: readonly JudgedTarget[] }

const COLUMNS: readonly (readonly [heading: string, show: (figures: MatcherFigures) => string])[] = [
  ['events/s', ({ eventsPerSecond }) => show(eventsPerSecond)],
  ['µs', ({ microsPerEvent }) => show(microsPerEvent)],
  ['CPU µs', ({ cpuMicrosPerCall }) => show(cpuMicrosPerCall.index)],
  ['CPU ratio', ({ cpuRatio }) => show(cpuRatio)],
  ['p50', ({ p50Micros }) => show(p50Micros)],
  ['p99', ({ p99Micros }) => show(p99Micros)],
  [
    'compiled loop',
    ({ compiledLoopPerSecond, compiledRatio }) => `${show(compiledLoopPerSecond)} (${show(compiledRatio)}×)`,
  ],
  ['cold events/s', ({ cold }) => `${show(cold.eventsPerSecond)} (${show(cold.ratio)}×)`],
  ['matches', ({ matchesPerEvent }) => show(matchesPerEvent)],
  ['cand./match', ({ candidatesPerMatch }) => show(candidatesPerMatch)],
  ['probes', ({ probesPerEvent }) => show(probesPerEvent)],
  [
    'bytes/filter',
    ({ bytesPerFilter, bytesPerFilterWithStrings }) => `${show(bytesPerFilter)} (${show(bytesPerFilterWithStrings)})`,
  ],
  ['after churn', ({ bytesPerFilterAfterChurn }) => show(bytesPerFilterAfterChurn)],
  ['adds/s', ({ addsPerSecond }) => show(addsPerSecond)],
  ['removes/s', ({ removesPerSecond }) => show(removesPerSecond)],
  ['maintain ms', ({ maintainMs }) => `${show(maintainMs.afterFilling)} + ${show(maintainMs.afterWarmUp)}`],
  ['checked', ({ checkedEvents }) => show(checkedEvents)],
]

/** What the sizes of the matcher have beside their rates, and how each target fared. */
export function formatMatcherResults(results: readonly BenchResult[]): string[] {
  const sizes = results.filter(hasFigures)
  if (sizes.length === 0) return []
  const table = formatTable([
    ['matcher', ...COLUMNS.map(([heading]) => heading)],
    ...sizes.map(({ name, details }) => [name, ...COLUMNS.map(([, column]) => column(details))]),
  ])
  const targets = sizes.flatMap(({ name, details }) =>
    details.targets.map(({ text, value, isMet }) => [name, text, show(value), isMet ? 'met' : 'MISSED']),
  )
  return ['', ...table, '', ...formatTable([['matcher', 'target', 'found', ''], ...targets])]
}

function hasFigures(result: BenchResult): result is BenchResult & { readonly details: MatcherDetails } {
  return 'candidatesPerMatch' in result.details
}

function show(value: number): string {
  return value.toLocaleString('en-US')
}
