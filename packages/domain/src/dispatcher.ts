import type { Filter } from './filter/index.js'

/** The language in which a dispatcher's filter is written: ours, or Amazon EventBridge's event patterns. */
export type FilterLanguage = 'signalbox' | 'eventbridge'

/** A standing wish as the matcher needs it: which events, from where, under which conditions. */
export interface DispatcherRule {
  id: string
  /** Exact names, prefixes that end in `*`, or `*`. */
  eventNames: string[]
  /** A source, or {@link ANY_SOURCE}. */
  source: string
  filterLanguage: FilterLanguage
  /** In the language `eventbridge` an event pattern, which sees the whole envelope and not the payload alone. */
  payloadFilter: Filter | null
  /** Always in our own language. */
  contextFilter: Filter | null
  /** The external account (our id) whose events alone are wanted; null takes all. */
  externalAccountId: string | null
  /** An ephemeral dispatcher takes one event before this time; null lasts. */
  expiresAt: Date | null
  /** Taken once and then gone. */
  once: boolean
}
