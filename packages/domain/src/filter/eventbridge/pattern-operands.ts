import { escapePointerToken, isJsonObject, type Json, type JsonObject } from '../../json.js'
import { parseIpRange } from '../ip-range.js'
import { splitWildcard } from './wildcard-pieces.js'

/** What is wrong with an operand. `at` is the rest of the JSON pointer, below the operator. */
interface OperandProblem {
  readonly at: string
  /** In a plain sentence. */
  readonly message: string
}

type OperandCheck = (operand: Json) => OperandProblem | undefined

const CHECKS: ReadonlyMap<string, OperandCheck> = new Map<string, OperandCheck>([
  ['prefix', (operand) => checkAffix('prefix', operand)],
  ['suffix', (operand) => checkAffix('suffix', operand)],
  ['equals-ignore-case', (operand) => unless(typeof operand === 'string', 'equals-ignore-case takes a string.')],
  ['wildcard', checkWildcard],
  ['anything-but', checkAnythingBut],
  ['numeric', checkNumeric],
  ['exists', (operand) => unless(typeof operand === 'boolean', 'exists takes true or false.')],
  ['cidr', checkCidr],
])

/** The operators of EventBridge that stand in an object in the array of a field. */
export const PATTERN_OPERATORS: ReadonlySet<string> = new Set(CHECKS.keys())

/** What can be excluded by `anything-but`, beside values. */
const EXCLUDED_OPERATORS: ReadonlySet<string> = new Set(['prefix', 'suffix', 'equals-ignore-case', 'wildcard'])

/** Tells what is wrong with the operand of a known operator; undefined when nothing is. */
export function checkPatternOperand(operator: string, operand: Json): OperandProblem | undefined {
  return CHECKS.get(operator)?.(operand)
}

/** How many tests an operator with this operand is: `anything-but` has one for each thing that it excludes by an operator. */
export function countTests(operand: Json): number {
  if (!isJsonObject(operand)) return 1
  return 1 + Object.values(operand).flat().length
}

function unless(isRight: boolean, message: string): OperandProblem | undefined {
  return isRight ? undefined : { at: '', message }
}

function checkAffix(operator: string, operand: Json): OperandProblem | undefined {
  const keys = isJsonObject(operand) ? Object.keys(operand) : []
  const inner = keys.length === 1 ? (operand as JsonObject)['equals-ignore-case'] : undefined
  return unless(
    typeof operand === 'string' || typeof inner === 'string',
    `${operator} takes a string, or {"equals-ignore-case": a string}.`,
  )
}

function checkWildcard(operand: Json): OperandProblem | undefined {
  if (typeof operand !== 'string') return unless(false, 'wildcard takes a string, such as "dir/*.png".')
  const message = 'A wildcard may not have ** in it, and \\ may only stand before * or another \\.'
  return unless(splitWildcard(operand) !== undefined, message)
}

function checkAnythingBut(operand: Json): OperandProblem | undefined {
  if (isJsonObject(operand)) return checkExclusion(operand)
  const values = Array.isArray(operand) ? operand : [operand]
  const [first] = values
  const isRight =
    (typeof first === 'string' || typeof first === 'number') && values.every((each) => typeof each === typeof first)
  return unless(isRight, 'anything-but takes a string or a number, a list of either, or one operator such as prefix.')
}

function checkExclusion(exclusion: JsonObject): OperandProblem | undefined {
  const [[operator, excluded] = ['', null], second] = Object.entries(exclusion)
  if (second !== undefined || !EXCLUDED_OPERATORS.has(operator)) {
    return unless(false, `In anything-but stands one of ${[...EXCLUDED_OPERATORS].join(', ')}.`)
  }
  const isList = Array.isArray(excluded)
  const texts = isList ? excluded : [excluded]
  const at = `/${escapePointerToken(operator)}`
  if (texts.length === 0) return { at, message: `${operator} takes at least one string.` }
  for (const [index, text] of texts.entries()) {
    const problem = checkExcludedText(operator, text)
    if (problem !== undefined) return { ...problem, at: isList ? `${at}/${index}` : at }
  }
  return undefined
}

function checkExcludedText(operator: string, text: Json): OperandProblem | undefined {
  if (typeof text !== 'string')
    return unless(false, `In anything-but, ${operator} takes a string or a list of strings.`)
  if (operator === 'wildcard') return checkWildcard(text)
  const isEmptyAffix = text === '' && operator !== 'equals-ignore-case'
  return unless(!isEmptyAffix, `Every string has an empty ${operator}, so that nothing would be left.`)
}

const LOWER_BOUNDS: ReadonlySet<Json> = new Set(['>', '>='])
const UPPER_BOUNDS: ReadonlySet<Json> = new Set(['<', '<='])

function checkNumeric(operand: Json): OperandProblem | undefined {
  const message = 'numeric takes [operator, number] with =, <, <=, > or >=, or two bounds, as in [">", 0, "<=", 5].'
  if (!Array.isArray(operand)) return unless(false, message)
  const [first = null, low, second = null, high] = operand
  if (operand.length === 2) {
    const isOperator = first === '=' || LOWER_BOUNDS.has(first) || UPPER_BOUNDS.has(first)
    return unless(isOperator && typeof low === 'number', message)
  }
  const isRange = operand.length === 4 && LOWER_BOUNDS.has(first) && UPPER_BOUNDS.has(second)
  if (!isRange || typeof low !== 'number' || typeof high !== 'number') return unless(false, message)
  return unless(low < high, 'The lower bound of numeric is less than the upper one.')
}

function checkCidr(operand: Json): OperandProblem | undefined {
  const isRight = typeof operand === 'string' && parseIpRange(operand) !== undefined
  return unless(isRight, 'cidr takes an IP range, such as "10.0.0.0/8" or "2001:db8::/32".')
}
