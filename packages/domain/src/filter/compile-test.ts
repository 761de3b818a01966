import type { Json } from '../json.js'
import { compileCaseless } from './caseless.js'
import { compileContains } from './contains-json.js'
import { countScanSteps, countTestsSteps } from './count-steps.js'
import { equalsJson } from './equals-json.js'
import type { FilterLiteral, FilterTest } from './filter-tree.js'
import { holdForSomeScalar, isAbsenceTest, isScalar } from './flat-array.js'
import { type Instant, compareInstants, parseInstant } from './instant.js'
import { isInIpRange, parseIpRange } from './ip-range.js'
import { compileIgnoreCaseEquals, countCodePoints } from './text.js'
import { compilePieces, compileWildcard } from './wildcard.js'
import { spend, type WorkBudget } from './work-budget.js'

/** One test of a filter, prepared. An undefined value is an absent property. */
export type ValueTest = (value: Json | undefined, budget: WorkBudget) => boolean

/** A test of texts alone, prepared. */
type TextTest = (text: string, budget: WorkBudget) => boolean

/** From how many literals on a set is faster than a search. */
const SEARCHED_LITERALS_MAX = 8

/** From which use on a set is made: making one costs as much as some searches, and many a filter is used but once. */
const SEARCHES_MAX = 16

/** Prepares one test of a filter for many values. */
export function compileTest(test: FilterTest): ValueTest {
  switch (test.operator) {
    case 'oneOf':
      return compileOneOf(test.operand)
    case '$anythingBut': {
      const isOneOf = compileOneOf(test.operand)
      return (value, budget) => !isOneOf(value, budget)
    }
    case '$exists':
      return test.operand ? (value) => value !== undefined : (value) => value === undefined
    case '$isNull':
      return test.operand ? (value) => value === null : (value) => value !== null
    case '$not':
      return compileNot(test.operand)
    case '$includes': {
      const { operand } = test
      return (value, budget) => Array.isArray(value) && isElement(value, operand, budget)
    }
    case '$contains':
      return compileContains(test.operand)
    case '$equals': {
      const { operand } = test
      return (value, budget) => equalsJson(value, operand, budget)
    }
    case '$length':
      return compileLength(test.operand)
    case 'someOf':
      return compileSomeOf(test.operand)
    case 'allOf': {
      const holds = test.operand.map(compileTest)
      return (value, budget) => holds.every((each) => each(value, budget))
    }
    case 'noneOf': {
      const holds = test.operand.map(compileTest)
      return (value, budget) => isScalar(value) && !holds.some((each) => each(value, budget))
    }
    default: {
      const holdsText = compileTextTest(test)
      if (holdsText !== undefined) return (value, budget) => typeof value === 'string' && holdsText(value, budget)
      const holdsNumber = compileNumberTest(test)
      return (value) => typeof value === 'number' && holdsNumber(value)
    }
  }
}

function compileOneOf(literals: readonly FilterLiteral[]): ValueTest {
  const [first] = literals
  if (literals.length === 1) return (value) => value === first
  if (literals.length <= SEARCHED_LITERALS_MAX) return (value) => value !== undefined && isAmong(literals, value)
  let searches = 0
  let set: ReadonlySet<Json | undefined> | undefined
  return (value) => {
    if (set !== undefined) return set.has(value)
    searches += 1
    if (searches > SEARCHES_MAX) set = new Set(literals)
    return value !== undefined && isAmong(literals, value)
  }
}

function isAmong(literals: readonly Json[], value: Json): boolean {
  return literals.includes(value)
}

/** Whether an array has a literal as an element. */
export function isElement(array: readonly Json[], literal: FilterLiteral, budget: WorkBudget): boolean {
  spend(budget, countScanSteps(array.length))
  return array.includes(literal)
}

function compileNot(operand: FilterLiteral): ValueTest {
  return (value, budget) => {
    if (Array.isArray(value)) return !isElement(value, operand, budget)
    return value !== undefined && typeof value !== 'object' && value !== operand
  }
}

function compileLength(tests: readonly FilterTest[]): ValueTest {
  const holds = tests.map(compileTest)
  return (value, budget) => {
    if (typeof value === 'string') {
      spend(budget, countScanSteps(value.length))
      const length = countCodePoints(value)
      return holds.every((each) => each(length, budget))
    }
    return Array.isArray(value) && holds.every((each) => each(value.length, budget))
  }
}

function compileSomeOf(tests: readonly FilterTest[]): ValueTest {
  const alternatives = tests.map(compileTest)
  const steps = countTestsSteps(tests)
  const holdsAbsent = tests.some(isAbsenceTest)
  return (value, budget) => {
    const holds = (scalar: Json): boolean => alternatives.some((each) => each(scalar, budget))
    return holdForSomeScalar(value, { steps, holds, holdsAbsent }, budget)
  }
}

function compileNumberTest(test: FilterTest): (value: number) => boolean {
  switch (test.operator) {
    case '$gt': {
      const { operand } = test
      return (value) => value > operand
    }
    case '$gte': {
      const { operand } = test
      return (value) => value >= operand
    }
    case '$lt': {
      const { operand } = test
      return (value) => value < operand
    }
    case '$lte': {
      const { operand } = test
      return (value) => value <= operand
    }
    case '$between': {
      const [low, high] = test.operand
      return (value) => value >= low && value <= high
    }
    default:
      return () => false
  }
}

function compileTextTest(test: FilterTest): TextTest | undefined {
  switch (test.operator) {
    case '$startsWith': {
      const { operand } = test
      return (text) => text.startsWith(operand)
    }
    case '$endsWith': {
      const { operand } = test
      return (text) => text.endsWith(operand)
    }
    case '$ignoreCaseEquals': {
      const equals = compileIgnoreCaseEquals(test.operand)
      return (text, budget) => {
        spend(budget, text.length)
        return equals(text)
      }
    }
    case '$wildcard': {
      const matches = compileWildcard(test.operand)
      return (text, budget) => {
        spend(budget, countScanSteps(text.length))
        return matches(text)
      }
    }
    case 'pieces': {
      const matches = compilePieces(test.operand)
      return (text, budget) => {
        spend(budget, countScanSteps(text.length))
        return matches(text)
      }
    }
    case 'caselessEquals':
    case 'caselessPrefix':
    case 'caselessSuffix':
      return compileCaseless(test)
    case '$cidr': {
      const range = parseIpRange(test.operand)
      return (text) => range !== undefined && isInIpRange(text, range)
    }
    case '$before':
      return compileDateTest(test.operand, (text, operand) => compareInstants(text, operand) < 0)
    case '$after':
      return compileDateTest(test.operand, (text, operand) => compareInstants(text, operand) > 0)
    default:
      return undefined
  }
}

function compileDateTest(date: string, holds: (text: Instant, operand: Instant) => boolean): (text: string) => boolean {
  const operand = parseInstant(date)
  return (text) => {
    const instant = parseInstant(text)
    return instant !== undefined && operand !== undefined && holds(instant, operand)
  }
}
