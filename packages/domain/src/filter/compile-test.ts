import type { Json } from '../json.js'
import { countScanSteps, countTestsSteps } from './count-steps.js'
import type { FilterTest } from './filter-tree.js'
import { holdForSomeScalar, isAbsenceTest, isScalar } from './flat-array.js'
import { type CompositeTest, findLeafHolds, isLeafTest, type LeafTest, prepareOperand } from './leaf-test.js'
import { countCodePoints } from './text.js'
import { spend, type WorkBudget } from './work-budget.js'

/** One test of a filter, prepared. An undefined value is an absent property. */
export type ValueTest = (value: Json | undefined, budget: WorkBudget) => boolean

/** A test, or part of a filter, for filters that differ in their operands alone: those come as an argument. */
export type ShapeTest = (value: Json | undefined, operands: readonly unknown[], budget: WorkBudget) => boolean

/** Where the prepared operand of each test stands among those of its filter. */
export type OperandPlaces = ReadonlyMap<FilterTest, number>

/** Prepares one test of a filter for many values. */
export function compileTest(test: FilterTest): ValueTest {
  const leaves: LeafTest[] = []
  collectLeafTests([test], leaves)
  const operands = leaves.map(prepareOperand)
  const holds = compileShapeTest(test, placeOperands(leaves))
  return (value, budget) => holds(value, operands, budget)
}

/** Adds the tests with operands of their own to a list, in an order that is the same for all filters of a shape. */
export function collectLeafTests(tests: readonly FilterTest[], found: LeafTest[]): void {
  for (const test of tests) {
    if (isLeafTest(test)) found.push(test)
    else collectLeafTests(test.operand, found)
  }
}

/** Numbers tests in their order. */
export function placeOperands(tests: readonly LeafTest[]): OperandPlaces {
  return new Map(tests.map((test, index) => [test, index]))
}

/** Prepares a test whose operands come later. */
export function compileShapeTest(test: FilterTest, places: OperandPlaces): ShapeTest {
  if (!isLeafTest(test)) return compileComposite(test, places)
  const place = places.get(test) as number
  const holds = findLeafHolds(test.operator)
  return (value, operands, budget) => holds(value, operands[place], budget)
}

function compileComposite(test: CompositeTest, places: OperandPlaces): ShapeTest {
  const tests = test.operand.map((each) => compileShapeTest(each, places))
  switch (test.operator) {
    case '$length':
      return compileLength(tests)
    case 'someOf':
      return compileSomeOf(test.operand, tests)
    case 'allOf':
      return (value, operands, budget) => tests.every((each) => each(value, operands, budget))
    case 'noneOf':
      return (value, operands, budget) => isScalar(value) && !tests.some((each) => each(value, operands, budget))
  }
}

function compileLength(tests: readonly ShapeTest[]): ShapeTest {
  return (value, operands, budget) => {
    if (typeof value === 'string') {
      spend(budget, countScanSteps(value.length))
      const length = countCodePoints(value)
      return tests.every((each) => each(length, operands, budget))
    }
    return Array.isArray(value) && tests.every((each) => each(value.length, operands, budget))
  }
}

function compileSomeOf(alternatives: readonly FilterTest[], tests: readonly ShapeTest[]): ShapeTest {
  const steps = countTestsSteps(alternatives)
  const holdsAbsent = alternatives.some(isAbsenceTest)
  return (value, operands, budget) => {
    const holds = (scalar: Json): boolean => tests.some((each) => each(scalar, operands, budget))
    return holdForSomeScalar(value, { steps, holds, holdsAbsent }, budget)
  }
}
