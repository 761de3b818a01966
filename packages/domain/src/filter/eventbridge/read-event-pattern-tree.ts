import { type Json, type JsonObject, escapePointerToken } from '../../json.js'
import type { Filter } from '../filter.js'
import type { FilterCondition, FilterLiteral, FilterNode, FilterTest } from '../filter-tree.js'
import { isAbsenceTest } from '../flat-array.js'
import { splitWildcard } from './wildcard-pieces.js'

/** Reads a valid event pattern into the same tree that our own language has. */
export function readEventPatternTree(pattern: Filter): FilterNode {
  return readNode(pattern)
}

function readNode(pattern: JsonObject): FilterNode {
  return { conditions: Object.entries(pattern).map(([key, wanted]) => readCondition(key, wanted)) }
}

function readCondition(key: string, wanted: Json): FilterCondition {
  const at = `/${escapePointerToken(key)}`
  if (key === '$or') return { at, kind: 'or', nodes: (wanted as JsonObject[]).map(readNode), namesKey: true }
  if (Array.isArray(wanted)) {
    const leaf: FilterTest = { at: '', operator: 'someOf', operand: readAlternatives(wanted) }
    return { at, kind: 'property', key, tests: [leaf], namesKey: true }
  }
  const node = readNode(wanted as JsonObject)
  // What is asked to be absent must be absent everywhere in an array, unless something else says in which element.
  return { at, kind: 'nested', key, node, elements: isAbsenceOnly(node) ? 'every' : 'some', namesKey: true }
}

function isAbsenceOnly(node: FilterNode): boolean {
  return node.conditions.every((condition) => {
    if (condition.kind === 'nested') return isAbsenceOnly(condition.node)
    if (condition.kind === 'property') return condition.tests.every(isAbsenceLeaf)
    return condition.kind === 'or' && condition.nodes.every(isAbsenceOnly)
  })
}

function isAbsenceLeaf(test: FilterTest): boolean {
  return test.operator === 'someOf' && test.operand.every(isAbsenceTest)
}

function readAlternatives(leaf: readonly Json[]): FilterTest[] {
  const literals = leaf.filter((each) => each !== null && typeof each !== 'object')
  const operators = leaf.flatMap((each, index): FilterTest[] => {
    const at = `/${index}`
    if (each === null) return [{ at, operator: '$isNull', operand: true }]
    return typeof each === 'object' ? [readOperator(each as JsonObject, at)] : []
  })
  return literals.length === 0 ? operators : [{ at: '', operator: 'oneOf', operand: literals }, ...operators]
}

/** The operand's type was checked by `parseEventPattern`; here it is believed. */
function readOperator(object: JsonObject, outer: string): FilterTest {
  const [[operator, operand] = ['', null]] = Object.entries(object)
  const at = `${outer}/${operator}`
  switch (operator) {
    case 'anything-but':
      return readAnythingBut(operand, at)
    case 'exists':
      return { at, operator: '$exists', operand: operand as boolean }
    case 'numeric':
      return readNumeric(operand as (string | number)[], at)
    default:
      return readTextOperator(operator, operand, at)
  }
}

function readTextOperator(operator: string, operand: Json, at: string): FilterTest {
  const ignored = typeof operand === 'string' ? undefined : (operand as JsonObject)['equals-ignore-case']
  switch (operator) {
    case 'prefix':
      return ignored === undefined
        ? { at, operator: '$startsWith', operand: operand as string }
        : { at, operator: 'caselessPrefix', operand: ignored as string }
    case 'suffix':
      return ignored === undefined
        ? { at, operator: '$endsWith', operand: operand as string }
        : { at, operator: 'caselessSuffix', operand: ignored as string }
    case 'equals-ignore-case':
      return { at, operator: 'caselessEquals', operand: operand as string }
    case 'cidr':
      return { at, operator: '$cidr', operand: operand as string }
    default:
      return readWildcard(operand as string, at)
  }
}

function readWildcard(pattern: string, at: string): FilterTest {
  const pieces = splitWildcard(pattern) ?? []
  // Without asterisks of its own a pattern is one of our language, for which more is prepared.
  return pieces.some((piece) => piece.includes('*'))
    ? { at, operator: 'pieces', operand: pieces }
    : { at, operator: '$wildcard', operand: pieces.join('*') }
}

function readAnythingBut(operand: Json, at: string): FilterTest {
  if (Array.isArray(operand)) return { at, operator: '$anythingBut', operand: operand as FilterLiteral[] }
  if (typeof operand !== 'object' || operand === null) {
    return { at, operator: '$anythingBut', operand: [operand as FilterLiteral] }
  }
  const [[operator, excluded] = ['', null]] = Object.entries(operand)
  const tests = [excluded].flat().map((each) => readTextOperator(operator, each, ''))
  return { at, operator: 'noneOf', operand: tests }
}

const COMPARISONS = { '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const

function readNumeric(comparisons: readonly (string | number)[], at: string): FilterTest {
  const [first, low, second, high] = comparisons as [string, number, string?, number?]
  if (first === '=') return { at, operator: 'oneOf', operand: [low] }
  const lower: FilterTest = { at, operator: COMPARISONS[first as keyof typeof COMPARISONS], operand: low }
  if (second === undefined || high === undefined) return lower
  if (first === '>=' && second === '<=') return { at, operator: '$between', operand: [low, high] }
  const upper: FilterTest = { at, operator: COMPARISONS[second as keyof typeof COMPARISONS], operand: high }
  return { at, operator: 'allOf', operand: [lower, upper] }
}
