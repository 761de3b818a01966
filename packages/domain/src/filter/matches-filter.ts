import { type Json, findOwnProperty, isJsonObject } from '../json.js'
import { compileCaseless } from './caseless.js'
import { isElement } from './leaf-test.js'
import { containsJson } from './contains-json.js'
import { countScanSteps, countSteps, countTestsSteps } from './count-steps.js'
import { equalsJson } from './equals-json.js'
import type { Filter } from './filter.js'
import { type FilterCondition, type FilterNode, type FilterTest, readFilterTree } from './filter-tree.js'
import { holdForFlatObjects, holdForSomeScalar, isAbsenceTest, isScalar } from './flat-array.js'
import { compareInstants, parseInstant } from './instant.js'
import { isInIpRange, parseIpRange } from './ip-range.js'
import { compileIgnoreCaseEquals, countCodePoints } from './text.js'
import { compilePieces, compileWildcard } from './wildcard.js'
import { createWorkBudget, spend, type WorkBudget } from './work-budget.js'

/**
 * Whether a value satisfies a filter. This is the reference: `compileFilter`, and any index over filters, must give the
 * same answer. Throws only when the budget is used up, and sees only own properties of plain objects.
 */
export function matchesFilter(filter: Filter, value: Json, budget: WorkBudget = createWorkBudget()): boolean {
  return matchesTree(readFilterTree(filter), value, budget)
}

/** `matchesFilter` for a tree, of either language. */
export function matchesTree(node: FilterNode, value: Json, budget: WorkBudget = createWorkBudget()): boolean {
  spend(budget, countSteps(node.conditions))
  return holdsTree(node, value, budget)
}

/** `matchesTree` for a caller that spends what trying the conditions once costs: over many values, it is counted once. */
export function holdsTree({ conditions }: FilterNode, value: Json, budget: WorkBudget): boolean {
  // On a null payload no key holds, whatever stands under it.
  return conditions.every((condition) => holdsAt(condition, { value, isNullRoot: value === null, budget }))
}

/** What a filter stands for. */
interface Level {
  readonly value: Json | undefined
  readonly isNullRoot: boolean
  readonly budget: WorkBudget
}

function holdsAt(condition: FilterCondition, level: Level): boolean {
  switch (condition.kind) {
    case 'or':
      return condition.nodes.some((node) => holdsNode(node, level))
    case 'and':
      return condition.nodes.every((node) => holdsNode(node, level))
    case 'nor':
      return !condition.nodes.some((node) => holdsNode(node, level))
    case 'value':
      return holdsTest(condition.test, level.value, level.budget)
    case 'property': {
      const property = findOwnProperty(level.value, condition.key)
      return !level.isNullRoot && condition.tests.every((test) => holdsTest(test, property, level.budget))
    }
    case 'nested':
      return !level.isNullRoot && holdsNested(condition, findOwnProperty(level.value, condition.key), level.budget)
  }
}

type NestedCondition = Extract<FilterCondition, { kind: 'nested' }>

function holdsNode(node: FilterNode, level: Level): boolean {
  return node.conditions.every((condition) => holdsAt(condition, level))
}

function holdsNested({ node, elements }: NestedCondition, property: Json | undefined, budget: WorkBudget): boolean {
  const level: Level = { value: property, isNullRoot: false, budget }
  if (!Array.isArray(property)) return holdsNode(node, level)
  if (elements !== 'own') {
    const test = {
      elements,
      steps: countSteps(node.conditions),
      holds: (object: Json) => holdsNode(node, { ...level, value: object }),
      holdsAbsent: () => holdsNode(node, { ...level, value: undefined }),
    }
    return holdForFlatObjects(property, test, budget)
  }
  const ofArray = node.conditions.filter((condition) => !condition.namesKey)
  const ofElement = node.conditions.filter((condition) => condition.namesKey)
  if (!ofArray.every((condition) => holdsAt(condition, level))) return false
  const elementSteps = countSteps(ofElement)
  return (
    ofElement.length === 0 ||
    property.some((element) => {
      spend(budget, elementSteps)
      return holdsForElement(ofElement, { ...level, value: element })
    })
  )
}

/** An element that is no object satisfies only the empty filter, which is not asked here. */
function holdsForElement(conditions: readonly FilterCondition[], level: Level): boolean {
  return isJsonObject(level.value) && conditions.every((condition) => holdsAt(condition, level))
}

/** Whether one test holds; an undefined value is an absent property. */
function holdsTest(test: FilterTest, value: Json | undefined, budget: WorkBudget): boolean {
  switch (test.operator) {
    case 'oneOf':
      return isOneOf(test.operand, value)
    case '$anythingBut':
      return !isOneOf(test.operand, value)
    case '$exists':
      return (value !== undefined) === test.operand
    case '$isNull':
      return (value === null) === test.operand
    case '$not':
      return Array.isArray(value)
        ? !isElement(value, test.operand, budget)
        : value !== undefined && value !== null && typeof value !== 'object' && value !== test.operand
    case '$includes':
      return Array.isArray(value) && isElement(value, test.operand, budget)
    case '$contains':
      return containsJson(value, test.operand, budget)
    case '$equals':
      return equalsJson(value, test.operand, budget)
    case '$length':
      return holdsLength(test.operand, value, budget)
    case 'someOf':
      return holdsSomeOf(test.operand, value, budget)
    case 'allOf':
      return test.operand.every((each) => holdsTest(each, value, budget))
    case 'noneOf':
      return isScalar(value) && !test.operand.some((each) => holdsTest(each, value, budget))
    default:
      if (typeof value === 'number') return holdsNumber(test, value)
      return typeof value === 'string' && holdsText(test, value, budget)
  }
}

function isOneOf(literals: readonly Json[], value: Json | undefined): boolean {
  return value !== undefined && literals.includes(value)
}

function holdsLength(tests: readonly FilterTest[], value: Json | undefined, budget: WorkBudget): boolean {
  if (typeof value !== 'string' && !Array.isArray(value)) return false
  if (typeof value === 'string') spend(budget, countScanSteps(value.length))
  const length = typeof value === 'string' ? countCodePoints(value) : value.length
  return tests.every((test) => holdsTest(test, length, budget))
}

function holdsSomeOf(tests: readonly FilterTest[], value: Json | undefined, budget: WorkBudget): boolean {
  const test = {
    steps: countTestsSteps(tests),
    holds: (scalar: Json) => tests.some((each) => holdsTest(each, scalar, budget)),
    holdsAbsent: tests.some(isAbsenceTest),
  }
  return holdForSomeScalar(value, test, budget)
}

function holdsNumber(test: FilterTest, value: number): boolean {
  switch (test.operator) {
    case '$gt':
      return value > test.operand
    case '$gte':
      return value >= test.operand
    case '$lt':
      return value < test.operand
    case '$lte':
      return value <= test.operand
    case '$between':
      return value >= test.operand[0] && value <= test.operand[1]
    default:
      return false
  }
}

function holdsText(test: FilterTest, text: string, budget: WorkBudget): boolean {
  switch (test.operator) {
    case '$startsWith':
      return text.startsWith(test.operand)
    case '$endsWith':
      return text.endsWith(test.operand)
    case '$ignoreCaseEquals':
      spend(budget, text.length)
      return compileIgnoreCaseEquals(test.operand)(text)
    case '$wildcard':
      spend(budget, countScanSteps(text.length))
      return compileWildcard(test.operand)(text)
    case 'pieces':
      spend(budget, countScanSteps(text.length))
      return compilePieces(test.operand)(text)
    case 'caselessEquals':
    case 'caselessPrefix':
    case 'caselessSuffix':
      return compileCaseless(test)(text, budget)
    case '$cidr': {
      const range = parseIpRange(test.operand)
      return range !== undefined && isInIpRange(text, range)
    }
    case '$before':
      return compareToDate(text, test.operand) < 0
    case '$after':
      return compareToDate(text, test.operand) > 0
    default:
      return false
  }
}

/** NaN, for which no comparison holds, when the text is not a date. */
function compareToDate(text: string, date: string): number {
  const instant = parseInstant(text)
  const operand = parseInstant(date)
  return instant === undefined || operand === undefined ? Number.NaN : compareInstants(instant, operand)
}
