import type { RuleMask } from './rule-mask.js'
import type { RuleShape } from './rule-shapes.js'
import type { SieveColumn, SieveHolder, ValueSets } from './sieve-column.js'

/** One rule of a sieve. */
export interface SievedRule {
  readonly id: string
  /** Milliseconds since 1970; `Infinity` when it does not run out. */
  readonly expiresAtMs: number
  readonly isOnce: boolean
  readonly shape: RuleShape
  readonly operands: readonly unknown[]
  /** The rules with the same filters, this one among them. */
  readonly equals: RuleMask
  /** Whether it is the first of these. */
  readonly isFirst: boolean
}

/** What a sieve is made of. */
export interface SieveParts {
  /** In the order of their ids. */
  readonly rules: readonly SievedRule[]
  readonly sources: ValueSets
  readonly accounts: ValueSets
  /** Where the columns find their values; what holds another comes before it. */
  readonly holders: readonly SieveHolder[]
  /** First what takes away the most. */
  readonly columns: readonly SieveColumn[]
  /** Rules that columns do not decide: their filters are more than tests of paths. */
  readonly whole: RuleMask
  /** Rules with a filter on the payload, on the context. */
  readonly onPayload: RuleMask
  readonly onContext: RuleMask
}
