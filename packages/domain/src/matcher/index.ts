export { isNameCovered } from './cover.js'
export {
  describeIndexing,
  type IndexableRule,
  type IndexedCondition,
  type IndexedKind,
  type Indexing,
} from './describe-indexing.js'
export { buildEnvelope, readFilteredValue } from './envelope.js'
export {
  createEventMatcher,
  createMatcherShapes,
  type EventMatcher,
  type MatcherShapes,
  type MatcherStats,
  type MatchOptions,
} from './event-matcher.js'
export { explainMatch, type ExplainableRule, type MatchFailure } from './explain-match.js'
export type { EventEnvelope, MatchableEvent, MatchResult } from './matchable-event.js'
