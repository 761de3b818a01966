import { formatTable } from './format-table.js'
import type { BenchResult } from './measures/measure.js'
import type { MemoryUsage } from './usage/create-usage-meter.js'

const HEADINGS = ['measure', 'value', 'against', 'ratio', 'target', ''] as const

/** The results as a table, and what each process used below it. */
export function formatResults(results: readonly BenchResult[]): string[] {
  return [...formatTable([[...HEADINGS], ...results.map(toRow)]), ...results.flatMap(formatUsage)]
}

function toRow({ name, value, unit, against, ratio, details }: BenchResult): string[] {
  return [
    name,
    `${formatNumber(value)} ${unit}`,
    against === null ? '–' : `${formatNumber(against.value)} (${against.name})`,
    ratio === null ? '–' : ratio.toFixed(2),
    details.target,
    details.isTargetMet ? 'met' : 'MISSED',
  ]
}

interface ShownUsage {
  readonly cpuMicrosPerEvent?: Readonly<Record<string, number>>
  readonly memory?: Readonly<Record<string, MemoryUsage>>
}

function formatUsage({ name, details }: BenchResult): string[] {
  const usage = details as ShownUsage & { readonly against?: ShownUsage }
  const lines = formatProcesses(usage)
  if (lines.length === 0) return []
  return [
    '',
    `${name}: CPU µs per event, peak memory (first → second half)`,
    ...lines,
    ...formatProcesses(usage.against ?? {}, 'against: '),
  ]
}

function formatProcesses({ cpuMicrosPerEvent = {}, memory = {} }: ShownUsage, prefix = ''): string[] {
  return Object.entries(cpuMicrosPerEvent).map(([process, micros]) => {
    const used = memory[process]
    const text = used === undefined ? '' : `${used.peakMiB} MiB (${used.firstHalfMiB} → ${used.secondHalfMiB})`
    return `  ${`${prefix}${process}`.padEnd(20)}${micros.toFixed(1).padStart(9)}   ${text}`
  })
}

function formatNumber(value: number): string {
  return value.toLocaleString('en-US')
}
