import type { JsonObject } from '../json.js'

declare const validated: unique symbol

/**
 * An event filter that `parseFilter` or `parseEventPattern` has accepted: the caller's JSON, unchanged. `readTreeOf` gives
 * its typed tree. What each key and operator means is in `docs/filters.md` and `docs/eventbridge.md`.
 */
export type Filter = JsonObject & { readonly [validated]: true }

/** Every reason for which a filter is refused. */
export type FilterErrorCode =
  | 'not_an_object'
  | 'not_json'
  | 'unstorable_text'
  | 'too_large'
  | 'too_deep'
  | 'too_many_conditions'
  | 'bare_scalar'
  | 'null_literal'
  | 'mixed_literals'
  | 'nested_array'
  | 'literals_with_operators'
  | 'unknown_operator'
  | 'empty_operator'
  | 'empty_pattern'
  | 'misplaced_operator'
  | 'wrong_operand'
  | 'empty_alternatives'

/** One reason for which a filter is refused, and where in the filter. */
export interface FilterError {
  /** JSON pointer into the filter (RFC 6901). */
  readonly pointer: string
  readonly code: FilterErrorCode
  /** A plain sentence for the person who wrote the filter. */
  readonly message: string
}

/** How many filters may nest in one another, the outermost counted; an operand's arrays and objects count as well. */
export const FILTER_DEPTH_MAX = 16

/** Size of a filter as compact JSON in UTF-8: it is held in memory by every worker that matches events. */
export const FILTER_BYTES_MAX = 64 * 1024

/** Conditions in one filter: with the size of the event, this bounds the work of one match. */
export const FILTER_CONDITIONS_MAX = 1_000

/** Errors reported at once: enough to mend a filter in one go, not enough to make an answer large. */
export const FILTER_ERRORS_MAX = 20
