import { type Json, escapePointerToken, findOwnProperty, isJsonObject } from '../json.js'
import { compileCondition } from './compile-filter.js'
import { compileTest } from './compile-test.js'
import { countSteps } from './count-steps.js'
import { capActual, describeTest } from './describe-condition.js'
import type { Filter } from './filter.js'
import { type FilterCondition, type FilterNode, type FilterTest, readFilterTree } from './filter-tree.js'
import { createWorkBudget, spend, type WorkBudget } from './work-budget.js'

/** The first condition that failed, in the order in which the filter is written. */
export interface FilterFailure {
  /** JSON pointer into the filter. */
  readonly pointer: string
  /** JSON pointer into the value. */
  readonly path: string
  /** What the condition asks for, in words. */
  readonly expected: string
  /** What was there, shortened when long; undefined when nothing was there. */
  readonly actual: unknown
}

/** Whether a filter matches, and if not, why not. */
export type FilterExplanation =
  | { readonly matches: true }
  | { readonly matches: false; readonly failure: FilterFailure }

/**
 * Says whether a value satisfies a filter, with the same answer as `matchesFilter`, and names what failed. Finding what
 * failed takes more steps than the answer alone.
 */
export function explainFilter(filter: Filter, value: Json, budget: WorkBudget = createWorkBudget()): FilterExplanation {
  return explainTree(readFilterTree(filter), value, budget)
}

/** `explainFilter` for a tree, of either language. */
export function explainTree(tree: FilterNode, value: Json, budget: WorkBudget = createWorkBudget()): FilterExplanation {
  const place: Place = { pointer: '', path: '', value, isNullRoot: value === null, budget }
  const failure = explainNode(tree, place)
  return failure === undefined ? { matches: true } : { matches: false, failure }
}

interface Place {
  readonly pointer: string
  readonly path: string
  readonly value: Json | undefined
  readonly isNullRoot: boolean
  readonly budget: WorkBudget
}

function explainNode(node: FilterNode, place: Place): FilterFailure | undefined {
  spend(place.budget, countSteps(node.conditions))
  const failed = node.conditions.find((condition) => !holds(condition, place))
  return failed && explainCondition(failed, place)
}

function holds(condition: FilterCondition, place: Place): boolean {
  return compileCondition(condition, place.isNullRoot)(place.value, place.budget)
}

/** Why a condition that does not hold does not. */
function explainCondition(condition: FilterCondition, outer: Place): FilterFailure {
  const place = { ...outer, pointer: outer.pointer + condition.at }
  switch (condition.kind) {
    case 'or':
      return fail(place, `at least one of these ${condition.nodes.length} filters to match`)
    case 'and':
      return explainAnd(condition.nodes, place)
    case 'nor': {
      const index = condition.nodes.findIndex((node) => node.conditions.every((each) => holds(each, place)))
      return fail({ ...place, pointer: `${place.pointer}/${index}` }, 'this filter not to match')
    }
    case 'value':
      return fail(place, describeTest(condition.test))
    case 'property':
    case 'nested':
      return place.isNullRoot ? fail(place, 'a payload that is not null') : explainProperty(condition, place)
  }
}

function explainAnd(nodes: readonly FilterNode[], place: Place): FilterFailure {
  for (const [index, node] of nodes.entries()) {
    const failure = explainNode(node, { ...place, pointer: `${place.pointer}/${index}` })
    if (failure !== undefined) return failure
  }
  return fail(place, 'every one of these filters to match')
}

type KeyCondition = Extract<FilterCondition, { key: string }>

function explainProperty(condition: KeyCondition, outer: Place): FilterFailure {
  const value = findOwnProperty(outer.value, condition.key)
  const place = { ...outer, path: `${outer.path}/${escapePointerToken(condition.key)}`, value }
  return condition.kind === 'property' ? explainTests(condition.tests, place) : explainNested(condition, place)
}

function explainTests(tests: readonly FilterTest[], place: Place): FilterFailure {
  const failed = tests.find((test) => !compileTest(test)(place.value, place.budget))
  if (failed === undefined) return fail(place, 'every operator to hold')
  return fail({ ...place, pointer: place.pointer + failed.at }, describeTest(failed))
}

function explainNested(condition: Extract<FilterCondition, { kind: 'nested' }>, place: Place): FilterFailure {
  const { value } = place
  const { node, elements } = condition
  if (elements !== 'own' && Array.isArray(value)) return explainObjects(condition, place, value)
  const ofArray = Array.isArray(value) ? node.conditions.filter((condition) => !condition.namesKey) : node.conditions
  const failure = explainNode({ conditions: ofArray }, place)
  if (failure !== undefined) return failure
  const [only, second] = Array.isArray(value) ? value : []
  const ofElement = { conditions: node.conditions.filter((condition) => condition.namesKey) }
  const ofOnly =
    isJsonObject(only) && second === undefined
      ? explainNode(ofElement, { ...place, path: `${place.path}/0`, value: only })
      : undefined
  return ofOnly ?? fail(place, 'one element that satisfies this whole filter')
}

/** In event patterns, whose arrays of objects may nest: a path into the array is given where one object is at fault. */
function explainObjects(
  { node, elements }: Extract<FilterCondition, { kind: 'nested' }>,
  place: Place,
  array: readonly Json[],
): FilterFailure {
  const isFlat = !array.some(Array.isArray)
  const objects = [...array.entries()].filter(([, element]) => isJsonObject(element))
  if (isFlat && objects.length === 0) {
    return explainNode(node, { ...place, value: undefined }) ?? fail(place, 'to be present')
  }
  if (isFlat && (elements === 'every' || objects.length === 1)) {
    for (const [index, object] of objects) {
      const failure = explainNode(node, { ...place, path: `${place.path}/${index}`, value: object })
      if (failure !== undefined) return failure
    }
  }
  const wanted =
    elements === 'every' ? 'every object in the array to satisfy' : 'one object in the array that satisfies'
  return fail(place, `${wanted} this whole filter`)
}

function fail(place: Place, expected: string): FilterFailure {
  return { pointer: place.pointer, path: place.path, expected, actual: capActual(place.value) }
}
