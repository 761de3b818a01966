import { type Json, type JsonObject, type JsonScalar, isJsonObject } from '../json.js'
import { countScanSteps } from './count-steps.js'
import type { FilterTest } from './filter-tree.js'
import { spend, type WorkBudget } from './work-budget.js'

/**
 * Whether a test holds for some element of an array; arrays inside it are looked through, in document order. Keeps its
 * own stack, so that no event can exhaust the call stack. Looking costs steps; what the test costs, it counts.
 */
export function isSomeFlatElement(
  array: readonly Json[],
  test: (element: JsonScalar | JsonObject) => boolean,
  budget: WorkBudget,
): boolean {
  spend(budget, countScanSteps(array.length))
  const open = [{ array, index: 0 }]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const element = top.array[top.index]
    top.index += 1
    if (element === undefined) {
      open.pop()
    } else if (Array.isArray(element)) {
      spend(budget, 1 + countScanSteps(element.length))
      open.push({ array: element, index: 0 })
    } else if (test(element)) {
      return true
    }
  }
  return false
}

/** How the objects of an array are tried. */
interface ObjectsTest {
  /** Whether one of them has to hold, or every one. */
  readonly elements: 'some' | 'every'
  /** What trying one costs. */
  readonly steps: number
  readonly holds: (object: JsonObject) => boolean
  /** The answer for an absent property: an array without any object counts as one. */
  readonly holdsAbsent: () => boolean
}

/** Whether the objects of an array hold, those in arrays inside it as well. */
export function holdForFlatObjects(array: readonly Json[], test: ObjectsTest, budget: WorkBudget): boolean {
  const isSome = test.elements === 'some'
  let hasObject = false
  const isDecided = isSomeFlatElement(
    array,
    (element) => {
      if (!isJsonObject(element)) return false
      hasObject = true
      spend(budget, test.steps)
      return test.holds(element) === isSome
    },
    budget,
  )
  return hasObject ? isDecided === isSome : test.holdsAbsent()
}

/** Whether a scalar, or some scalar in an array, satisfies one of several tests; without any scalar there is the answer for an absent value. */
export function holdForSomeScalar(value: Json | undefined, test: ScalarsTest, budget: WorkBudget): boolean {
  if (!Array.isArray(value)) {
    return value === undefined || isJsonObject(value) ? test.holdsAbsent : test.holds(value)
  }
  let hasScalar = false
  const holds = isSomeFlatElement(
    value,
    (element) => {
      if (isJsonObject(element)) return false
      hasScalar = true
      spend(budget, test.steps)
      return test.holds(element)
    },
    budget,
  )
  return hasScalar ? holds : test.holdsAbsent
}

/** How the scalars of a value are tried. */
interface ScalarsTest {
  /** What trying one costs. */
  readonly steps: number
  readonly holds: (scalar: JsonScalar) => boolean
  /** The answer when there is no scalar: nothing at all, an object, an array without any. */
  readonly holdsAbsent: boolean
}

/** Whether a test asks for absence. */
export function isAbsenceTest(test: FilterTest): boolean {
  return test.operator === '$exists' && !test.operand
}

/** Whether a value is there and neither an array nor an object. */
export function isScalar(value: Json | undefined): value is JsonScalar {
  return value !== undefined && (typeof value !== 'object' || value === null)
}
