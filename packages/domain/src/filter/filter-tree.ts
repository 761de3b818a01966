import { escapePointerToken, type Json, type JsonObject } from '../json.js'
import type { Filter } from './filter.js'

/** A literal that a filter compares with. */
export type FilterLiteral = string | number | boolean

/** One test of one value. `at` is the rest of the JSON pointer, below the key that the test stands under. */
export type FilterTest = { readonly at: string } & (
  | { readonly operator: 'oneOf'; readonly operand: readonly FilterLiteral[] }
  | { readonly operator: '$startsWith' | '$endsWith' | '$ignoreCaseEquals' | '$wildcard'; readonly operand: string }
  | { readonly operator: '$cidr' | '$before' | '$after'; readonly operand: string }
  | { readonly operator: '$exists' | '$isNull'; readonly operand: boolean }
  | { readonly operator: '$anythingBut'; readonly operand: readonly FilterLiteral[] }
  | { readonly operator: '$not' | '$includes'; readonly operand: FilterLiteral }
  | { readonly operator: '$gt' | '$gte' | '$lt' | '$lte'; readonly operand: number }
  | { readonly operator: '$between'; readonly operand: readonly [low: number, high: number] }
  | { readonly operator: '$contains' | '$equals'; readonly operand: Json }
  | { readonly operator: '$length'; readonly operand: readonly FilterTest[] }
  | PatternTest
)

/**
 * Tests that only event patterns of EventBridge have.
 *
 * - `someOf`: the value, or some scalar in it when it is an array (also in arrays inside it), satisfies one of the tests.
 *   Without any scalar (absent, an object, `[]`, an array of objects) it holds when one of them is `$exists: false`.
 * - `allOf`: all tests hold. `noneOf`: a scalar that satisfies none of them.
 * - `caseless…`: with case ignored character by character (`foldCase`).
 * - `pieces`: a text that has the pieces in this order, begins with the first and ends with the last: a wildcard pattern,
 *   split at its wildcards.
 */
type PatternTest =
  | { readonly operator: 'someOf' | 'allOf' | 'noneOf'; readonly operand: readonly FilterTest[] }
  | { readonly operator: 'caselessEquals' | 'caselessPrefix' | 'caselessSuffix'; readonly operand: string }
  | { readonly operator: 'pieces'; readonly operand: readonly string[] }

/**
 * One condition of a filter, as a typed union that an index can walk. `at` is the JSON pointer from its filter to it.
 *
 * - `value`: a test of the value that the filter stands for (`$contains` and `$equals` as keys).
 * - `property`: every test holds for the own property `key`; no tests is always true.
 * - `nested`: a filter for the property `key`. On an array, `conditions` that name no key speak of the array itself,
 *   all others must hold for one single element; `namesKey` of each condition says which it is. In event patterns of
 *   EventBridge (`elements` is not `own`) arrays inside the array are looked through, some object in it must satisfy the
 *   filter, or every one, and an array without an object is as good as absent.
 */
export type FilterCondition = { readonly at: string; readonly namesKey: boolean } & (
  | { readonly kind: 'or' | 'and' | 'nor'; readonly nodes: readonly FilterNode[] }
  | { readonly kind: 'value'; readonly test: FilterTest }
  | { readonly kind: 'property'; readonly key: string; readonly tests: readonly FilterTest[] }
  | {
      readonly kind: 'nested'
      readonly key: string
      readonly node: FilterNode
      readonly elements: 'own' | 'some' | 'every'
    }
)

/** A filter as a tree: all conditions must hold. */
export interface FilterNode {
  readonly conditions: readonly FilterCondition[]
}

/** Reads a valid filter into its tree. */
export function readFilterTree(filter: Filter): FilterNode {
  return readNode(filter)
}

function readNode(filter: JsonObject): FilterNode {
  return { conditions: Object.entries(filter).map(([key, wanted]) => readCondition(key, wanted)) }
}

function readCondition(key: string, wanted: Json): FilterCondition {
  const at = `/${escapePointerToken(key)}`
  switch (key) {
    case '$or':
    case '$and':
    case '$nor': {
      const nodes = (wanted as JsonObject[]).map(readNode)
      const kind = key === '$or' ? 'or' : key === '$and' ? 'and' : 'nor'
      return { at, kind, nodes, namesKey: nodes.some((node) => node.conditions.some((each) => each.namesKey)) }
    }
    case '$contains':
    case '$equals':
      return { at, kind: 'value', test: { at: '', operator: key, operand: wanted }, namesKey: false }
    default:
      return Array.isArray(wanted)
        ? { at, kind: 'property', key, tests: readList(wanted), namesKey: true }
        : { at, kind: 'nested', key, node: readNode(wanted as JsonObject), elements: 'own', namesKey: true }
  }
}

function readList(list: readonly Json[]): FilterTest[] {
  const [first] = list
  if (first === undefined) return []
  if (typeof first !== 'object') return [{ at: '', operator: 'oneOf', operand: list as FilterLiteral[] }]
  return list.flatMap((operators, index) => readOperators(operators as JsonObject, `/${index}`))
}

function readOperators(operators: JsonObject, at: string): FilterTest[] {
  return Object.entries(operators).map(([operator, operand]) => readTest(operator, operand, `${at}/${operator}`))
}

/** The operand's type was checked by `parseFilter`; here it is believed. */
function readTest(operator: string, operand: Json, at: string): FilterTest {
  if (operator === '$anythingBut') {
    return { at, operator, operand: (Array.isArray(operand) ? operand : [operand]) as FilterLiteral[] }
  }
  if (operator === '$length') {
    const tests = typeof operand === 'number' ? [oneLiteral(operand)] : readOperators(operand as JsonObject, '')
    return { at, operator, operand: tests }
  }
  return { at, operator, operand } as FilterTest
}

function oneLiteral(literal: FilterLiteral): FilterTest {
  return { at: '', operator: 'oneOf', operand: [literal] }
}
