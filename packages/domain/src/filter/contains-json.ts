import { type Json, type JsonObject, type JsonScalar, isJsonObject } from '../json.js'

/** From how many scalars on an array is looked up through a map instead of being searched for each. */
const SCAN_SCALARS_MAX = 4

/**
 * Whether `value @> operand` in Postgres `jsonb`: objects contain by key, arrays regardless of order and repetition, and
 * only at the top an array also contains a bare scalar.
 *
 * Work: the operand's containers inside arrays (each counts as a condition of the filter) times the nodes of the value.
 */
export function containsJson(value: Json | undefined, operand: Json): boolean {
  return compileContains(operand)(value)
}

/** `containsJson` with the operand prepared, for one operand and many values. */
export function compileContains(operand: Json): (value: Json | undefined) => boolean {
  if (isContainer(operand)) return compileContainer(operand)
  return (value) => (Array.isArray(value) ? value.includes(operand) : value === operand)
}

/** How many arrays and objects stand inside arrays of an operand: each may have to be tried on every element. */
export function countTriedContainers(operand: Json): number {
  if (!isContainer(operand)) return 0
  const children = Object.values(operand)
  const own = Array.isArray(operand) ? children.filter(isContainer).length : 0
  return children.reduce<number>((sum, child) => sum + countTriedContainers(child), own)
}

type ContainerTest = (value: Json | undefined) => boolean

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
  return (value) => isJsonObject(value) && pairs.every(({ key, test }) => Object.hasOwn(value, key) && test(value[key]))
}

function compileArray(operand: readonly Json[]): ContainerTest {
  const scalars = [...new Set(operand.filter((element) => !isContainer(element)) as JsonScalar[])]
  const includesScalars = compileScalars(scalars)
  const containers = operand.filter(isContainer).map(compileContainer)
  return (value) =>
    Array.isArray(value) && includesScalars(value) && containers.every((test) => value.some((element) => test(element)))
}

/** Whether an array holds every one of some distinct scalars; one pass over the array, whatever their number. */
function compileScalars(scalars: readonly JsonScalar[]): (value: readonly Json[]) => boolean {
  if (scalars.length <= SCAN_SCALARS_MAX) return (value) => scalars.every((scalar) => value.includes(scalar))
  const indexes = new Map<Json, number>(scalars.map((scalar, index) => [scalar, index]))
  return (value) => {
    if (value.length < scalars.length) return false
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
