import { type Json, findOwnProperty, isJsonObject } from '../json.js'
import { containsJson } from './contains-json.js'
import { equalsJson } from './equals-json.js'
import type { Filter } from './filter.js'
import { type FilterCondition, type FilterNode, type FilterTest, readFilterTree } from './filter-tree.js'
import { compareInstants, parseInstant } from './instant.js'
import { isInIpRange, parseIpRange } from './ip-range.js'
import { compileIgnoreCaseEquals, countCodePoints } from './text.js'
import { compileWildcard } from './wildcard.js'

/**
 * Whether a value satisfies a filter. This is the reference: `compileFilter`, and any index over filters, must give the
 * same answer. It never throws, and sees only own properties of plain objects.
 */
export function matchesFilter(filter: Filter, value: Json): boolean {
  return readFilterTree(filter).conditions.every((condition) => holdsForRoot(condition, value))
}

/** Whether a condition of an outermost filter holds. On a null payload no key holds, whatever stands under it. */
export function holdsForRoot(condition: FilterCondition, value: Json): boolean {
  return holdsAt(condition, { value, isNullRoot: value === null })
}

/** Whether a condition holds for a value below the root; undefined is an absent one. */
export function holdsBelow(condition: FilterCondition, value: Json | undefined): boolean {
  return holdsAt(condition, { value, isNullRoot: false })
}

/** What a filter stands for. */
interface Level {
  readonly value: Json | undefined
  readonly isNullRoot: boolean
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
      return holdsTest(condition.test, level.value)
    case 'property': {
      const property = findOwnProperty(level.value, condition.key)
      return !level.isNullRoot && condition.tests.every((test) => holdsTest(test, property))
    }
    case 'nested':
      return !level.isNullRoot && holdsNested(condition.node, findOwnProperty(level.value, condition.key))
  }
}

function holdsNode(node: FilterNode, level: Level): boolean {
  return node.conditions.every((condition) => holdsAt(condition, level))
}

function holdsNested(node: FilterNode, property: Json | undefined): boolean {
  if (!Array.isArray(property)) return holdsNode(node, { value: property, isNullRoot: false })
  const ofArray = node.conditions.filter((condition) => !condition.namesKey)
  const ofElement = node.conditions.filter((condition) => condition.namesKey)
  return (
    ofArray.every((condition) => holdsBelow(condition, property)) &&
    (ofElement.length === 0 || property.some((element) => holdsForElement(ofElement, element)))
  )
}

/** An element that is no object satisfies only the empty filter, which is not asked here. */
function holdsForElement(conditions: readonly FilterCondition[], element: Json): boolean {
  return isJsonObject(element) && conditions.every((condition) => holdsBelow(condition, element))
}

/** Whether one test holds; an undefined value is an absent property. */
export function holdsTest(test: FilterTest, value: Json | undefined): boolean {
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
        ? !value.includes(test.operand)
        : value !== undefined && value !== null && typeof value !== 'object' && value !== test.operand
    case '$includes':
      return Array.isArray(value) && value.includes(test.operand)
    case '$contains':
      return containsJson(value, test.operand)
    case '$equals':
      return equalsJson(value, test.operand)
    case '$length':
      return holdsLength(test.operand, value)
    default:
      if (typeof value === 'number') return holdsNumber(test, value)
      return typeof value === 'string' && holdsText(test, value)
  }
}

function isOneOf(literals: readonly Json[], value: Json | undefined): boolean {
  return value !== undefined && literals.includes(value)
}

function holdsLength(tests: readonly FilterTest[], value: Json | undefined): boolean {
  if (typeof value !== 'string' && !Array.isArray(value)) return false
  const length = typeof value === 'string' ? countCodePoints(value) : value.length
  return tests.every((test) => holdsTest(test, length))
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

function holdsText(test: FilterTest, text: string): boolean {
  switch (test.operator) {
    case '$startsWith':
      return text.startsWith(test.operand)
    case '$endsWith':
      return text.endsWith(test.operand)
    case '$ignoreCaseEquals':
      return compileIgnoreCaseEquals(test.operand)(text)
    case '$wildcard':
      return compileWildcard(test.operand)(text)
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
