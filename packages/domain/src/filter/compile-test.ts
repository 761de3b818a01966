import type { Json } from '../json.js'
import { compileContains } from './contains-json.js'
import { equalsJson } from './equals-json.js'
import type { FilterLiteral, FilterTest } from './filter-tree.js'
import { type Instant, compareInstants, parseInstant } from './instant.js'
import { isInIpRange, parseIpRange } from './ip-range.js'
import { compileIgnoreCaseEquals, countCodePoints } from './text.js'
import { compileWildcard } from './wildcard.js'

/** One test of a filter, prepared. An undefined value is an absent property. */
export type ValueTest = (value: Json | undefined) => boolean

/** From how many literals on a set is faster than a search. */
const SEARCHED_LITERALS_MAX = 8

/** Prepares one test of a filter for many values. */
export function compileTest(test: FilterTest): ValueTest {
  switch (test.operator) {
    case 'oneOf':
      return compileOneOf(test.operand)
    case '$anythingBut': {
      const isOneOf = compileOneOf(test.operand)
      return (value) => !isOneOf(value)
    }
    case '$exists':
      return test.operand ? (value) => value !== undefined : (value) => value === undefined
    case '$isNull':
      return test.operand ? (value) => value === null : (value) => value !== null
    case '$not':
      return compileNot(test.operand)
    case '$includes': {
      const { operand } = test
      return (value) => Array.isArray(value) && value.includes(operand)
    }
    case '$contains':
      return compileContains(test.operand)
    case '$equals': {
      const { operand } = test
      return (value) => equalsJson(value, operand)
    }
    case '$length':
      return compileLength(test.operand)
    default: {
      const holdsText = compileTextTest(test)
      if (holdsText !== undefined) return (value) => typeof value === 'string' && holdsText(value)
      const holdsNumber = compileNumberTest(test)
      return (value) => typeof value === 'number' && holdsNumber(value)
    }
  }
}

function compileOneOf(literals: readonly FilterLiteral[]): ValueTest {
  const [first] = literals
  if (literals.length === 1) return (value) => value === first
  if (literals.length <= SEARCHED_LITERALS_MAX) return (value) => value !== undefined && isAmong(literals, value)
  const set: ReadonlySet<Json | undefined> = new Set(literals)
  return (value) => set.has(value)
}

function isAmong(literals: readonly Json[], value: Json): boolean {
  return literals.includes(value)
}

function compileNot(operand: FilterLiteral): ValueTest {
  return (value) => {
    if (Array.isArray(value)) return !value.includes(operand)
    return value !== undefined && typeof value !== 'object' && value !== operand
  }
}

function compileLength(tests: readonly FilterTest[]): ValueTest {
  const holds = tests.map(compileTest)
  return (value) => {
    if (typeof value === 'string') {
      const length = countCodePoints(value)
      return holds.every((each) => each(length))
    }
    return Array.isArray(value) && holds.every((each) => each(value.length))
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

function compileTextTest(test: FilterTest): ((text: string) => boolean) | undefined {
  switch (test.operator) {
    case '$startsWith': {
      const { operand } = test
      return (text) => text.startsWith(operand)
    }
    case '$endsWith': {
      const { operand } = test
      return (text) => text.endsWith(operand)
    }
    case '$ignoreCaseEquals':
      return compileIgnoreCaseEquals(test.operand)
    case '$wildcard':
      return compileWildcard(test.operand)
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
