import { type Json, type JsonObject, type JsonScalar, isJsonObject } from '../json.js'
import { countNodes, countScanSteps } from './count-steps.js'
import { createWorkBudget, spend, type WorkBudget } from './work-budget.js'

/** From how many scalars on an array is looked up through a map instead of being searched for each. */
const SCAN_SCALARS_MAX = 4

/**
 * Whether `value @> operand` in Postgres `jsonb`: objects contain by key, arrays regardless of order and repetition, and
 * only at the top an array also contains a bare scalar.
 *
 * Work: the operand's containers inside arrays (each counts as a condition of the filter) times the nodes of the value.
 */
export function containsJson(value: Json | undefined, operand: Json, budget: WorkBudget = createWorkBudget()): boolean {
  return compileContains(operand)(value, budget)
}

/** `containsJson` with the operand prepared, for one operand and many values. */
export function compileContains(operand: Json): (value: Json | undefined, budget: WorkBudget) => boolean {
  if (isContainer(operand)) return compileContainer(operand)
  return (value, budget) => {
    if (!Array.isArray(value)) return value === operand
    spend(budget, countScanSteps(value.length))
    return value.includes(operand)
  }
}

/** How many arrays and objects stand inside arrays of an operand: each may have to be tried on every element. */
export function countTriedContainers(operand: Json): number {
  if (!isContainer(operand)) return 0
  const children = Object.values(operand)
  const own = Array.isArray(operand) ? children.filter(isContainer).length : 0
  return children.reduce<number>((sum, child) => sum + countTriedContainers(child), own)
}

type ContainerTest = (value: Json | undefined, budget: WorkBudget) => boolean

function isContainer(value: Json | undefined): value is Json[] | JsonObject {
  return typeof value === 'object' && value !== null
}

function compileContainer(operand: Json[] | JsonObject): ContainerTest {
  return Array.isArray(operand) ? compileArray(operand) : compileObject(operand)
}

function compileObject(operand: JsonObject): ContainerTest {
  const pairs = Object.entries(operand).map(([key, wanted]) => {
    const test: ContainerTest = isContainer(wanted) ? compileContainer(wanted) : (value) => value === wanted
    return { key, test }
  })
  return (value, budget) =>
    isJsonObject(value) && pairs.every(({ key, test }) => Object.hasOwn(value, key) && test(value[key], budget))
}

function compileArray(operand: readonly Json[]): ContainerTest {
  const scalars = [...new Set(operand.filter((element) => !isContainer(element)) as JsonScalar[])]
  const includesScalars = compileScalars(scalars)
  const isSomeElement = operand.filter(isContainer).map(compileSomeElement)
  return (value, budget) =>
    Array.isArray(value) && includesScalars(value, budget) && isSomeElement.every((test) => test(value, budget))
}

function compileSomeElement(operand: Json[] | JsonObject): (value: readonly Json[], budget: WorkBudget) => boolean {
  const test = compileContainer(operand)
  const steps = countNodes(operand)
  return (value, budget) =>
    value.some((element) => {
      spend(budget, steps)
      return test(element, budget)
    })
}

/** Whether an array holds every one of some distinct scalars; one pass over the array, whatever their number. */
function compileScalars(scalars: readonly JsonScalar[]): (value: readonly Json[], budget: WorkBudget) => boolean {
  if (scalars.length <= SCAN_SCALARS_MAX) {
    return (value, budget) => {
      spend(budget, scalars.length * countScanSteps(value.length))
      return scalars.every((scalar) => value.includes(scalar))
    }
  }
  const indexes = new Map<Json, number>(scalars.map((scalar, index) => [scalar, index]))
  return (value, budget) => {
    if (value.length < scalars.length) return false
    spend(budget, value.length)
    const seen = new Uint8Array(scalars.length)
    let missing = scalars.length
    for (const element of value) {
      const index = indexes.get(element)
      if (index === undefined || seen[index] === 1) continue
      seen[index] = 1
      missing -= 1
      if (missing === 0) return true
    }
    return false
  }
}
