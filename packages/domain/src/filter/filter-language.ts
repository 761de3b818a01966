import type { FilterLanguage } from '../dispatcher.js'
import { parseEventPattern } from './eventbridge/parse-event-pattern.js'
import { readEventPatternTree } from './eventbridge/read-event-pattern-tree.js'
import type { Filter } from './filter.js'
import { type FilterNode, readFilterTree } from './filter-tree.js'
import type { FilterParsing } from './filter-check.js'
import { parseFilter } from './parse-filter.js'

/** Reads a valid filter of either language into its tree. */
export function readTreeOf(language: FilterLanguage, filter: Filter): FilterNode {
  return language === 'eventbridge' ? readEventPatternTree(filter) : readFilterTree(filter)
}

/** Checks a filter of either language. */
export function parseFilterOf(language: FilterLanguage, input: unknown): FilterParsing {
  return language === 'eventbridge' ? parseEventPattern(input) : parseFilter(input)
}
