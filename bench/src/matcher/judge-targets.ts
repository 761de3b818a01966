import { round } from '../stats.js'
import type { TargetBound } from './scenarios.js'

/** A target with what was found. */
export interface JudgedTarget {
  readonly figure: TargetBound['figure']
  /** The target in words. */
  readonly text: string
  readonly value: number
  readonly isMet: boolean
}

const LABELS: Readonly<Record<TargetBound['figure'], string>> = {
  ratio: 'ratio',
  p99Micros: 'p99 µs',
  bytesPerFilter: 'bytes/filter',
  addsPerSecond: 'adds/s',
  candidatesPerMatch: 'candidates/match',
  probesPerEvent: 'probes/event',
  microsPerEvent: 'µs',
  rateOf10k: 'of the rate at 10k',
}

/** Holds each target against its figure; one whose figure is not there (a size that was left out) is left out too. */
export function judgeTargets(
  targets: readonly TargetBound[],
  figures: Readonly<Record<TargetBound['figure'], number | null>>,
): JudgedTarget[] {
  return targets.flatMap(({ figure, atLeast = -Infinity, atMost = Infinity }) => {
    const value = figures[figure]
    if (value === null) return []
    const text = atMost === Infinity ? `≥ ${show(atLeast)}` : `≤ ${show(atMost)}`
    return [
      { figure, text: `${LABELS[figure]} ${text}`, value: round(value, 2), isMet: value >= atLeast && value <= atMost },
    ]
  })
}

function show(value: number): string {
  return round(value, 2).toLocaleString('en-US')
}
