import type { FilterTest } from '../filter/filter-tree.js'

/** Numbers from one to another, both included. */
export interface Range {
  low: number
  high: number
}

/** The numbers that may satisfy a test, both ends included. */
export function readNumberRange(test: FilterTest): Range | undefined {
  switch (test.operator) {
    case '$gt':
    case '$gte':
      return { low: test.operand, high: Infinity }
    case '$lt':
    case '$lte':
      return { low: -Infinity, high: test.operand }
    case '$between':
      return { low: test.operand[0], high: test.operand[1] }
    case 'oneOf': {
      const numbers = test.operand as number[]
      return { low: Math.min(...numbers), high: Math.max(...numbers) }
    }
    default:
      return undefined
  }
}
