import { type Json, type JsonObject, escapePointerToken, isJsonObject } from '../../json.js'
import {
  checkFilter,
  type FilterCheck,
  type FilterParsing,
  type FilterPlace,
  isTooDeep,
  reportError,
  shorten,
} from '../filter-check.js'
import { checkPatternOperand, countTests, PATTERN_OPERATORS } from './pattern-operands.js'

/** Alternatives of an `$or`; EventBridge refuses one alone. */
const ALTERNATIVES_MIN = 2

/**
 * Checks that an input is an event pattern of Amazon EventBridge. The accepted pattern is the input itself, unchanged. Never
 * throws; reports up to `FILTER_ERRORS_MAX` errors at once, each with a JSON pointer and a plain sentence.
 */
export function parseEventPattern(input: unknown): FilterParsing {
  return checkFilter(input, checkPattern)
}

function checkPattern(check: FilterCheck, pattern: JsonObject, place: FilterPlace): void {
  if (isTooDeep(check, place)) return
  const entries = Object.entries(pattern)
  if (entries.length === 0) {
    const message = 'A pattern names at least one field; EventBridge refuses {}.'
    reportError(check, place.pointer, { code: 'empty_pattern', message })
  }
  for (const [key, wanted] of entries) {
    const field = { pointer: `${place.pointer}/${escapePointerToken(key)}`, depth: place.depth }
    if (key === '$or') checkAlternatives(check, wanted, field)
    else checkField(check, wanted, field)
  }
}

function checkField(check: FilterCheck, wanted: Json, place: FilterPlace): void {
  if (Array.isArray(wanted)) {
    checkLeaf(check, wanted, place)
  } else if (isJsonObject(wanted)) {
    checkPattern(check, wanted, { pointer: place.pointer, depth: place.depth + 1 })
  } else {
    const message = `A value stands in an array: write [${shorten(JSON.stringify(wanted))}].`
    reportError(check, place.pointer, { code: 'bare_scalar', message })
  }
}

function checkAlternatives(check: FilterCheck, alternatives: Json, place: FilterPlace): void {
  if (!Array.isArray(alternatives)) {
    reportError(check, place.pointer, { code: 'wrong_operand', message: '$or takes an array of patterns.' })
    return
  }
  if (alternatives.length < ALTERNATIVES_MIN) {
    const message = `$or takes at least ${ALTERNATIVES_MIN} patterns.`
    reportError(check, place.pointer, { code: 'empty_alternatives', message })
  }
  for (const [index, alternative] of alternatives.entries()) {
    const inner = { pointer: `${place.pointer}/${index}`, depth: place.depth + 1 }
    if (isJsonObject(alternative)) checkAlternative(check, alternative, inner)
    else reportError(check, inner.pointer, { code: 'wrong_operand', message: '$or takes an array of patterns.' })
  }
}

/** EventBridge reserves the names of operators here: `$or` stands among fields, not among the values of one. */
function checkAlternative(check: FilterCheck, alternative: JsonObject, place: FilterPlace): void {
  const operator = Object.keys(alternative).find((key) => PATTERN_OPERATORS.has(key))
  if (operator === undefined) {
    checkPattern(check, alternative, place)
    return
  }
  const message = `${operator} is an operator: it stands in the array of a field, where several are alternatives anyway.`
  reportError(check, `${place.pointer}/${operator}`, { code: 'misplaced_operator', message })
}

function checkLeaf(check: FilterCheck, leaf: readonly Json[], place: FilterPlace): void {
  if (leaf.length === 0) {
    const message = 'An empty array matches nothing; EventBridge refuses it.'
    reportError(check, place.pointer, { code: 'empty_alternatives', message })
  }
  // All literals of a leaf are one condition, as in our own language.
  if (leaf.some((each) => typeof each !== 'object')) check.conditions += 1
  for (const [index, each] of leaf.entries()) {
    const pointer = `${place.pointer}/${index}`
    if (Array.isArray(each)) {
      reportError(check, pointer, { code: 'nested_array', message: 'Arrays of values do not nest.' })
    } else if (isJsonObject(each)) {
      checkOperator(check, each, { pointer, depth: place.depth })
    } else if (each === null) {
      check.conditions += 1
    }
  }
}

function checkOperator(check: FilterCheck, object: JsonObject, place: FilterPlace): void {
  const [entry, second] = Object.entries(object)
  if (entry === undefined || second !== undefined) {
    const message = 'An object in an array has one operator; several stand in an object each, and any of them may hold.'
    reportError(check, place.pointer, { code: entry === undefined ? 'empty_operator' : 'misplaced_operator', message })
    return
  }
  const [operator, operand] = entry
  const pointer = `${place.pointer}/${escapePointerToken(operator)}`
  if (!PATTERN_OPERATORS.has(operator)) {
    const known = [...PATTERN_OPERATORS].join(', ')
    const message = `${shorten(JSON.stringify(operator))} is no operator of event patterns. There are ${known}.`
    reportError(check, pointer, { code: 'unknown_operator', message })
    return
  }
  check.conditions += countTests(operand)
  const problem = checkPatternOperand(operator, operand)
  if (problem === undefined) return
  reportError(check, pointer + problem.at, { code: 'wrong_operand', message: problem.message })
}
