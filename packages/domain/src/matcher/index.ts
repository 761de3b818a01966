export { isNameCovered } from './cover.js'
export { createEventMatcher, type EventMatcher, type MatcherStats, type MatchOptions } from './event-matcher.js'
export { explainMatch, type ExplainableRule, type MatchFailure } from './explain-match.js'
export type { EventEnvelope, MatchableEvent, MatchResult } from './matchable-event.js'
