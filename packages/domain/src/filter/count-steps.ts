import type { Json } from '../json.js'
import type { FilterCondition, FilterNode, FilterTest } from './filter-tree.js'

/** Reading a date or an address takes as long as some twenty comparisons. */
const PARSING_STEPS = 20

/** Elements or characters that a plain scan passes in the time of one step. */
const SCANNED_PER_STEP = 4

/**
 * Steps of trying conditions once, every one of them, without what depends on the value: the elements of an array (which
 * cost this again, each) and the scans of arrays and texts.
 */
export function countSteps(conditions: readonly FilterCondition[]): number {
  return conditions.reduce((sum, condition) => sum + countConditionSteps(condition), 0)
}

/** Steps of passing over so many elements or characters. */
export function countScanSteps(length: number): number {
  return Math.ceil(length / SCANNED_PER_STEP)
}

/** Arrays, objects and scalars of a JSON value, itself included. */
export function countNodes(value: Json): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, child) => sum + countNodes(child), 1)
}

function countConditionSteps(condition: FilterCondition): number {
  switch (condition.kind) {
    case 'or':
    case 'and':
    case 'nor':
      return condition.nodes.reduce((sum: number, node: FilterNode) => sum + countSteps(node.conditions), 1)
    case 'value':
      return countTestSteps(condition.test)
    case 'property':
      return Math.max(1, countTestsSteps(condition.tests))
    case 'nested':
      return 1 + countSteps(condition.node.conditions)
  }
}

/** Steps of trying tests once, every one of them. */
export function countTestsSteps(tests: readonly FilterTest[]): number {
  return tests.reduce((sum, test) => sum + countTestSteps(test), 0)
}

function countTestSteps(test: FilterTest): number {
  switch (test.operator) {
    case '$contains':
    case '$equals':
      return countNodes(test.operand)
    case '$length':
    case 'someOf':
    case 'allOf':
    case 'noneOf':
      return 1 + countTestsSteps(test.operand)
    case '$cidr':
    case '$before':
    case '$after':
      return PARSING_STEPS
    default:
      return 1
  }
}
