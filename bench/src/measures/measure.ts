import type { BenchStack } from '../stack/run-with-stack.js'

/** What one measure found, in the shape of the JSON file. */
export interface BenchResult {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What it was measured against, in the same run. */
  readonly against: { readonly name: string; readonly value: number } | null
  /** `value` by the value it was measured against, taken round by round: the median. */
  readonly ratio: number | null
  readonly details: Readonly<Record<string, unknown>> & { readonly target: string; readonly isTargetMet: boolean }
}

/** What a measure works with. */
export interface MeasureContext {
  readonly stack: BenchStack
  /** Shows progress. */
  readonly say: (line: string) => void
}

/** One measure. It throws when anything was refused, lost or delivered to the wrong place. */
export interface Measure {
  readonly name: string
  readonly summary: string
  readonly isLocal?: false
  run(context: MeasureContext): Promise<BenchResult>
}

/** What a measure works with that needs no servers and no apps. */
export interface LocalContext {
  /** Shows progress. */
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  /** Shorter, for a look and not for results. */
  readonly isQuick: boolean
  /** Folder for CPU profiles. */
  readonly profileDir?: string
  /** What was found before in the same run. */
  readonly earlier: readonly BenchResult[]
}

/** A measure that runs in processes of its own alone. */
export interface LocalMeasure {
  readonly name: string
  /** A name for all measures that belong together. */
  readonly group: string
  readonly summary: string
  readonly isLocal: true
  /** Left out of a quick run of the whole group. */
  readonly isSlow: boolean
  run(context: LocalContext): Promise<BenchResult>
}
