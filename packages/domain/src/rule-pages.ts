import type { DispatcherRule } from './dispatcher.js'

/** Some of the rules of an environment; `version` is the one of its set in the snapshot of the page. */
export interface RulesPage {
  version: string
  rules: DispatcherRule[]
  isLast: boolean
}

/** Where changes are read on: after this version, or after this dispatcher of it. */
export interface RuleChangesCursor {
  sinceVersion: string
  afterId: string | null
}

/** Some of the changes of an environment's rules, each dispatcher as it stands in the snapshot of the page. */
export interface RuleChangesPage {
  version: string
  /** Changes up to this version may have been removed: whoever follows from an older one loads all rules anew. */
  prunedVersion: string
  /** A rule is null when the dispatcher takes no events by itself any more. */
  changes: { id: string; rule: DispatcherRule | null }[]
  /** Null when the rules are now what the snapshot of this page has. */
  next: RuleChangesCursor | null
}
