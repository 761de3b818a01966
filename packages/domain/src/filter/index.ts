export { compileFilter, compileTree } from './compile-filter.js'
export { describeLiterals } from './describe-condition.js'
export { equalsJson } from './equals-json.js'
export { findStrangeFields, type StrangeField } from './eventbridge/find-strange-fields.js'
export { parseEventPattern } from './eventbridge/parse-event-pattern.js'
export { readEventPatternTree } from './eventbridge/read-event-pattern-tree.js'
export { type FilterExplanation, type FilterFailure, explainFilter, explainTree } from './explain-filter.js'
export { parseFilterOf, readTreeOf } from './filter-language.js'
export {
  FILTER_BYTES_MAX,
  FILTER_CONDITIONS_MAX,
  FILTER_DEPTH_MAX,
  FILTER_ERRORS_MAX,
  type Filter,
  type FilterError,
  type FilterErrorCode,
} from './filter.js'
export {
  type FilterCondition,
  type FilterLiteral,
  type FilterNode,
  type FilterTest,
  readFilterTree,
} from './filter-tree.js'
export { holdsTree, matchesFilter, matchesTree } from './matches-filter.js'
export type { FilterParsing } from './filter-check.js'
export { parseFilter } from './parse-filter.js'
export { EVENT_STEPS_MAX, FilterTooExpensiveError, type WorkBudget, createWorkBudget } from './work-budget.js'
