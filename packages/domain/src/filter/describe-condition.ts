import type { Json } from '../json.js'
import type { FilterTest } from './filter-tree.js'

/** Texts longer than this are cut in explanations. */
const SHOWN_LENGTH_MAX = 200

/** Literals of a list that an explanation names; the others are counted. */
const SHOWN_LITERALS_MAX = 5

/** Nodes and nesting of the largest array or object that an explanation repeats instead of describing. */
const SHOWN_NODES_MAX = 20
const SHOWN_DEPTH_MAX = 4

/** What a test asks for, in words. */
export function describeTest(test: FilterTest): string {
  switch (test.operator) {
    case 'oneOf':
      return describeLiterals(test.operand)
    case '$anythingBut':
      return `anything but ${showList(test.operand)}`
    case '$exists':
      return test.operand ? 'to be present' : 'to be absent'
    case '$isNull':
      return test.operand ? 'null' : 'not null'
    case '$not':
      return `a scalar that is not ${show(test.operand)}, or an array without it`
    case '$includes':
      return `an array that includes ${show(test.operand)}`
    case '$between':
      return `a number from ${test.operand[0]} to ${test.operand[1]}`
    case '$contains':
      return `to contain ${show(test.operand)}`
    case '$equals':
      return `to equal ${show(test.operand)}`
    case '$length':
      return `a string or an array whose length is ${test.operand.map(describeTest).join(' and ')}`
    case 'someOf':
    case 'allOf':
      return describeTests(test.operand, test.operator === 'someOf' ? ' or ' : ' and ')
    case 'noneOf':
      return `to be there and not ${describeTests(test.operand, ' or ')}`
    case 'pieces':
      return `${PHRASES.$wildcard} ${show(test.operand.map(escapePiece).join('*'))}`
    default:
      return `${PHRASES[test.operator]} ${show(test.operand)}`
  }
}

/** Literals of which one is asked for, in words. */
export function describeLiterals(literals: readonly Json[]): string {
  return literals.length === 1 ? show(literals[0]) : `one of ${showList(literals)}`
}

function describeTests(tests: readonly FilterTest[], conjunction: string): string {
  const shown = tests.slice(0, SHOWN_LITERALS_MAX).map(describeTest)
  const rest = tests.length - shown.length
  return `${shown.join(conjunction)}${rest > 0 ? `${conjunction}${rest} more` : ''}`
}

function escapePiece(piece: string): string {
  return piece.replace(/[\\*]/g, String.raw`\$&`)
}

const PHRASES = {
  $startsWith: 'a string that starts with',
  $endsWith: 'a string that ends with',
  $ignoreCaseEquals: 'a string that, ignoring case, equals',
  caselessEquals: 'a string that, whatever its case, equals',
  caselessPrefix: 'a string that, whatever its case, starts with',
  caselessSuffix: 'a string that, whatever its case, ends with',
  $wildcard: 'a string that matches the pattern',
  $cidr: 'an IP address in',
  $before: 'a date before',
  $after: 'a date after',
  $gt: 'a number greater than',
  $gte: 'a number of at least',
  $lt: 'a number less than',
  $lte: 'a number of at most',
} as const

/** A value as an explanation shows it: itself when small, else its beginning or a description of it. */
export function capActual(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') return cut(value)
  if (typeof value !== 'object' || value === null || isSmall(value)) return value
  return Array.isArray(value)
    ? `an array of ${value.length} elements`
    : `an object with ${Object.keys(value).length} properties`
}

function showList(literals: readonly Json[]): string {
  const shown = literals.slice(0, SHOWN_LITERALS_MAX).map(show)
  const rest = literals.length - shown.length
  return rest > 0 ? `${shown.join(', ')} or ${rest} more` : shown.join(', ')
}

function show(value: Json | undefined): string {
  return cut(JSON.stringify(value) ?? 'nothing')
}

function cut(text: string): string {
  if (text.length <= SHOWN_LENGTH_MAX) return text
  // A pair of surrogates is not cut in two.
  return `${text.slice(0, SHOWN_LENGTH_MAX).replace(/[\ud800-\udbff]$/, '')}…`
}

/** Whether an array or object has few and short parts, so that repeating it in full makes no answer large. */
function isSmall(value: Json): boolean {
  let nodes = 0
  let length = 0
  const pending: { value: Json; depth: number }[] = [{ value, depth: 1 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    nodes += 1
    if (typeof next.value === 'string') length += next.value.length
    if (nodes > SHOWN_NODES_MAX || length > SHOWN_LENGTH_MAX) return false
    if (typeof next.value !== 'object' || next.value === null) continue
    const keys = Object.keys(next.value)
    if (keys.length > SHOWN_NODES_MAX || next.depth > SHOWN_DEPTH_MAX) return false
    for (const [key, child] of Object.entries(next.value)) {
      length += key.length
      pending.push({ value: child, depth: next.depth + 1 })
    }
  }
  return length <= SHOWN_LENGTH_MAX
}
