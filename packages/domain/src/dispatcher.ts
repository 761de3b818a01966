import type { Filter } from './filter/index.js'

/** A standing wish as the matcher needs it: which events, from where, under which conditions. */
export interface DispatcherRule {
  id: string
  /** Exact names, prefixes that end in `*`, or `*`. */
  eventNames: string[]
  /** A source, or {@link ANY_SOURCE}. */
  source: string
  payloadFilter: Filter | null
  contextFilter: Filter | null
  /** The external account (our id) whose events alone are wanted; null takes all. */
  externalAccountId: string | null
  /** An ephemeral dispatcher takes one event before this time; null lasts. */
  expiresAt: Date | null
  /** Taken once and then gone. */
  once: boolean
}
