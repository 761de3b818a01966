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
  run(context: MeasureContext): Promise<BenchResult>
}
