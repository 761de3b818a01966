import { type Json, findOwnProperty, isJsonObject } from '../json.js'
import {
  collectLeafTests,
  compileShapeTest,
  type OperandPlaces,
  placeOperands,
  type ShapeTest,
  type ValueTest,
} from './compile-test.js'
import { countSteps } from './count-steps.js'
import { holdForFlatObjects } from './flat-array.js'
import type { Filter } from './filter.js'
import { type FilterCondition, type FilterNode, readFilterTree } from './filter-tree.js'
import { type LeafTest, prepareOperand } from './leaf-test.js'
import { createWorkBudget, spend, type WorkBudget } from './work-budget.js'

/**
 * Prepares a filter for many values: literals are hashed, dates, IP ranges and patterns are read once. Gives the same
 * answers as `matchesFilter`, in as many steps. Makes no code from strings.
 */
export function compileFilter(filter: Filter): (value: Json, budget?: WorkBudget) => boolean {
  return compileTree(readFilterTree(filter))
}

/** Prepares the tree of a filter for many values. */
export function compileTree(node: FilterNode): (value: Json, budget?: WorkBudget) => boolean {
  const leaves = listOperandTests(node)
  const operands = leaves.map(prepareOperand)
  const holds = compileShape(node, placeOperands(leaves))
  return (value, budget = createWorkBudget()) => holds(value, operands, budget)
}

/** The tests of a filter that have operands, in an order that is the same for all filters of a shape. */
export function listOperandTests(node: FilterNode): LeafTest[] {
  const found: LeafTest[] = []
  collectOperandTests(node, found)
  return found
}

// Into one list: every filter that is added is read so.
function collectOperandTests(node: FilterNode, found: LeafTest[]): void {
  for (const condition of node.conditions) {
    switch (condition.kind) {
      case 'or':
      case 'and':
      case 'nor':
        for (const each of condition.nodes) collectOperandTests(each, found)
        break
      case 'value':
        collectLeafTests([condition.test], found)
        break
      case 'property':
        collectLeafTests(condition.tests, found)
        break
      case 'nested':
        collectOperandTests(condition.node, found)
    }
  }
}

/** Prepares all filters of a shape: those that differ from this one in their operands alone. Counts their steps. */
export function compileShape(node: FilterNode, places: OperandPlaces): ShapeTest {
  const { conditions } = node
  const test = compileNode(conditions, { places, isNullRoot: false })
  let testNull: ShapeTest | undefined
  const steps = countSteps(conditions)
  return (value, operands, budget) => {
    spend(budget, steps)
    if (value !== null) return test(value, operands, budget)
    testNull ??= compileNode(conditions, { places, isNullRoot: true })
    return testNull(value, operands, budget)
  }
}

/**
 * Prepares one condition; `isNullRoot` says that it is for a null payload, on which no key holds. Its own steps are for
 * the caller to count; those that depend on the value, it counts.
 */
export function compileCondition(condition: FilterCondition, isNullRoot: boolean): ValueTest {
  const leaves = listOperandTests({ conditions: [condition] })
  const operands = leaves.map(prepareOperand)
  const holds = compileShapeCondition(condition, { places: placeOperands(leaves), isNullRoot })
  return (value, budget) => holds(value, operands, budget)
}

interface Compiling {
  places: OperandPlaces
  isNullRoot: boolean
}

function compileNode(conditions: readonly FilterCondition[], how: Compiling): ShapeTest {
  return compileAll(conditions.map((condition) => compileShapeCondition(condition, how)))
}

function compileShapeCondition(condition: FilterCondition, how: Compiling): ShapeTest {
  switch (condition.kind) {
    case 'or':
      return compileOr(condition.nodes, how)
    case 'and': {
      const conditions = condition.nodes.flatMap((node) => node.conditions)
      return compileNode(conditions, how)
    }
    case 'nor': {
      const isAny = compileOr(condition.nodes, how)
      return (value, operands, budget) => !isAny(value, operands, budget)
    }
    case 'value':
      return compileShapeTest(condition.test, how.places)
    case 'property': {
      if (how.isNullRoot) return () => false
      return compileKey(condition.key, compileAll(condition.tests.map((test) => compileShapeTest(test, how.places))))
    }
    case 'nested':
      return how.isNullRoot ? () => false : compileKey(condition.key, compileNested(condition, how))
  }
}

function compileKey(key: string, test: ShapeTest): ShapeTest {
  return (value, operands, budget) => test(findOwnProperty(value, key), operands, budget)
}

function compileOr(nodes: readonly FilterNode[], how: Compiling): ShapeTest {
  const tests = nodes.map((node) => compileNode(node.conditions, how))
  return (value, operands, budget) => {
    for (const test of tests) if (test(value, operands, budget)) return true
    return false
  }
}

type NestedCondition = Extract<FilterCondition, { kind: 'nested' }>

function compileNested({ node, elements }: NestedCondition, { places }: Compiling): ShapeTest {
  // Below a key, null is a value like others.
  const how = { places, isNullRoot: false }
  const holds = compileNode(node.conditions, how)
  if (elements !== 'own') return compileFlatElements({ node, elements }, holds)
  const ofArray = node.conditions.filter((condition) => !condition.namesKey)
  const holdsForArray = compileNode(ofArray, how)
  const ofElement = node.conditions.filter((condition) => condition.namesKey)
  const holdsForElement = compileNode(ofElement, how)
  const elementSteps = countSteps(ofElement)
  return (value, operands, budget) => {
    if (!Array.isArray(value)) return holds(value, operands, budget)
    if (!holdsForArray(value, operands, budget)) return false
    if (ofElement.length === 0) return true
    for (const element of value) {
      spend(budget, elementSteps)
      if (isJsonObject(element) && holdsForElement(element, operands, budget)) return true
    }
    return false
  }
}

function compileFlatElements(
  { node, elements }: { node: FilterNode; elements: 'some' | 'every' },
  holds: ShapeTest,
): ShapeTest {
  const steps = countSteps(node.conditions)
  return (value, operands, budget) => {
    if (!Array.isArray(value)) return holds(value, operands, budget)
    const test = {
      elements,
      steps,
      holds: (object: Json) => holds(object, operands, budget),
      holdsAbsent: () => holds(undefined, operands, budget),
    }
    return holdForFlatObjects(value, test, budget)
  }
}

function compileAll(tests: readonly ShapeTest[]): ShapeTest {
  const [first, second] = tests
  if (first === undefined) return () => true
  if (second === undefined) return first
  return (value, operands, budget) => {
    for (const test of tests) if (!test(value, operands, budget)) return false
    return true
  }
}
