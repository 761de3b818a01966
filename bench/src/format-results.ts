import type { BenchResult } from './measures/measure.js'

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

function formatTable(rows: readonly string[][]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [lines[0] ?? '', rule, ...lines.slice(1)]
}

function formatUsage({ name, details }: BenchResult): string[] {
  const { cpuMicrosPerEvent: cpu, memory } = details as {
    cpuMicrosPerEvent?: Record<string, number>
    memory?: Record<string, { peakMiB: number; firstHalfMiB: number; secondHalfMiB: number }>
  }
  const lines = Object.entries(cpu ?? {}).map(([process, micros]) => {
    const used = memory?.[process]
    const text = used === undefined ? '' : `${used.peakMiB} MiB (${used.firstHalfMiB} → ${used.secondHalfMiB})`
    return `  ${process.padEnd(18)}${micros.toFixed(1).padStart(9)}   ${text}`
  })
  if (lines.length === 0) return []
  return ['', `${name}: CPU µs per event, peak memory (first → second half)`, ...lines]
}

function formatNumber(value: number): string {
  return value.toLocaleString('en-US')
}
