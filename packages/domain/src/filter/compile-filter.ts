import { type Json, findOwnProperty, isJsonObject } from '../json.js'
import { type ValueTest, compileTest } from './compile-test.js'
import type { Filter } from './filter.js'
import { type FilterCondition, type FilterNode, readFilterTree } from './filter-tree.js'

/** A filter, or a part of one, prepared; the flag says that the value is a null payload, on which no key holds. */
type LevelTest = (value: Json | undefined, isNullRoot: boolean) => boolean

/**
 * Prepares a filter for many values: literals are hashed, dates, IP ranges and patterns are read once. Gives the same
 * answers as `matchesFilter`. Makes no code from strings.
 */
export function compileFilter(filter: Filter): (value: Json) => boolean {
  const test = compileNode(readFilterTree(filter).conditions)
  return (value) => test(value, value === null)
}

function compileNode(conditions: readonly FilterCondition[]): LevelTest {
  const tests = conditions.map(compileCondition)
  const [first, second] = tests
  if (first === undefined) return () => true
  if (second === undefined) return first
  return (value, isNullRoot) => {
    for (const test of tests) if (!test(value, isNullRoot)) return false
    return true
  }
}

function compileCondition(condition: FilterCondition): LevelTest {
  switch (condition.kind) {
    case 'or':
      return compileOr(condition.nodes)
    case 'and':
      return compileNode(condition.nodes.flatMap((node) => node.conditions))
    case 'nor': {
      const isAny = compileOr(condition.nodes)
      return (value, isNullRoot) => !isAny(value, isNullRoot)
    }
    case 'value':
      return compileTest(condition.test)
    case 'property': {
      const { key } = condition
      const test = compileAll(condition.tests.map(compileTest))
      return (value, isNullRoot) => !isNullRoot && test(findOwnProperty(value, key))
    }
    case 'nested': {
      const { key } = condition
      const test = compileNested(condition.node)
      return (value, isNullRoot) => !isNullRoot && test(findOwnProperty(value, key))
    }
  }
}

function compileOr(nodes: readonly FilterNode[]): LevelTest {
  const tests = nodes.map((node) => compileNode(node.conditions))
  return (value, isNullRoot) => {
    for (const test of tests) if (test(value, isNullRoot)) return true
    return false
  }
}

function compileNested(node: FilterNode): ValueTest {
  const holds = compileNode(node.conditions)
  const holdsForArray = compileNode(node.conditions.filter((condition) => !condition.namesKey))
  const ofElement = node.conditions.filter((condition) => condition.namesKey)
  const holdsForElement = compileNode(ofElement)
  return (value) => {
    if (!Array.isArray(value)) return holds(value, false)
    if (!holdsForArray(value, false)) return false
    if (ofElement.length === 0) return true
    for (const element of value) if (isJsonObject(element) && holdsForElement(element, false)) return true
    return false
  }
}

function compileAll(tests: readonly ValueTest[]): ValueTest {
  const [first, second] = tests
  if (first === undefined) return () => true
  if (second === undefined) return first
  return (value) => {
    for (const test of tests) if (!test(value)) return false
    return true
  }
}
