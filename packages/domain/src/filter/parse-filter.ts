import {
  type Json,
  type JsonObject,
  escapePointerToken,
  findUnstorableText,
  isDeeperThan,
  isJsonObject,
} from '../json.js'
import { countTriedContainers } from './contains-json.js'
import {
  FILTER_CONDITIONS_MAX,
  FILTER_DEPTH_MAX,
  FILTER_ERRORS_MAX,
  type Filter,
  type FilterError,
  type FilterErrorCode,
} from './filter.js'
import { LENGTH_OPERATORS, LEVEL_WORDS, OPERAND_CHECKS, areOfOneType, isLiteral } from './filter-operands.js'
import { findSizeError } from './measure-filter.js'

/** An accepted filter, or why it is refused. */
export type FilterParsing =
  | { readonly ok: true; readonly filter: Filter }
  | { readonly ok: false; readonly errors: readonly FilterError[] }

/**
 * Checks that an input is a filter. The accepted filter is the input itself, unchanged. Never throws; reports up to
 * `FILTER_ERRORS_MAX` errors at once, each with a JSON pointer and a plain sentence.
 */
export function parseFilter(input: unknown): FilterParsing {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refuse({ pointer: '', code: 'not_an_object', message: 'A filter is a JSON object.' })
  }
  const sizeError = findSizeError(input)
  if (sizeError !== undefined) return refuse(sizeError)
  const object = input as JsonObject
  const unstorable = findUnstorableText(object)
  if (unstorable !== undefined) {
    const message = 'Text in a filter may hold neither NUL characters nor lone surrogates.'
    return refuse({ pointer: unstorable, code: 'unstorable_text', message })
  }
  const check: Check = { errors: [], conditions: 0 }
  checkNode(check, object, { pointer: '', depth: 1 })
  if (check.conditions > FILTER_CONDITIONS_MAX) {
    const message = `A filter may have at most ${FILTER_CONDITIONS_MAX.toLocaleString('en')} conditions.`
    report(check, '', { code: 'too_many_conditions', message })
  }
  if (check.errors.length > 0) return { ok: false, errors: check.errors }
  return { ok: true, filter: object as Filter }
}

interface Check {
  readonly errors: FilterError[]
  conditions: number
}

interface Place {
  readonly pointer: string
  /** 1 for the outermost filter. */
  readonly depth: number
}

function refuse(error: FilterError): FilterParsing {
  return { ok: false, errors: [error] }
}

function report(check: Check, pointer: string, error: { code: FilterErrorCode; message: string }): void {
  if (check.errors.length < FILTER_ERRORS_MAX) check.errors.push({ pointer, ...error })
}

function checkNode(check: Check, filter: JsonObject, place: Place): void {
  if (place.depth > FILTER_DEPTH_MAX) {
    const message = `Filters may nest at most ${FILTER_DEPTH_MAX} deep.`
    report(check, place.pointer, { code: 'too_deep', message })
    return
  }
  const entries = Object.entries(filter)
  // An empty filter costs a look as well: without this, very many could hide in one `$or`.
  if (entries.length === 0) check.conditions += 1
  for (const [key, wanted] of entries) {
    const pointer = `${place.pointer}/${escapePointerToken(key)}`
    if (LEVEL_WORDS.has(key)) {
      checkWord(check, { word: key, operand: wanted }, { pointer, depth: place.depth })
    } else if (OPERAND_CHECKS.has(key)) {
      const message = `${key} is an operator: it stands in an object inside an array, as in {"name": [{"${key}": ...}]}.`
      report(check, pointer, { code: 'misplaced_operator', message })
    } else {
      checkProperty(check, wanted, { pointer, depth: place.depth })
    }
  }
}

function checkWord(check: Check, { word, operand }: { word: string; operand: Json }, place: Place): void {
  if (word === '$contains' || word === '$equals') {
    checkJsonOperand(check, { operator: word, operand }, place)
    return
  }
  if (!Array.isArray(operand)) {
    report(check, place.pointer, { code: 'wrong_operand', message: `${word} takes an array of filters.` })
    return
  }
  if (operand.length === 0) {
    report(check, place.pointer, { code: 'empty_alternatives', message: `${word} takes at least one filter.` })
  }
  for (const [index, filter] of operand.entries()) {
    const pointer = `${place.pointer}/${index}`
    if (isJsonObject(filter)) checkNode(check, filter, { pointer, depth: place.depth + 1 })
    else report(check, pointer, { code: 'wrong_operand', message: `${word} takes an array of filters.` })
  }
}

function checkProperty(check: Check, wanted: Json, place: Place): void {
  if (Array.isArray(wanted)) {
    checkList(check, wanted, place)
  } else if (isJsonObject(wanted)) {
    checkNode(check, wanted, { pointer: place.pointer, depth: place.depth + 1 })
  } else if (wanted === null) {
    const message = 'null can\'t be a condition; write [{"$isNull": true}].'
    report(check, place.pointer, { code: 'null_literal', message })
  } else {
    const message = `A literal stands in an array: write [${shorten(JSON.stringify(wanted))}].`
    report(check, place.pointer, { code: 'bare_scalar', message })
  }
}

function checkList(check: Check, list: readonly Json[], place: Place): void {
  let isEveryElementAllowed = true
  for (const [index, element] of list.entries()) {
    if (element !== null && !Array.isArray(element)) continue
    isEveryElementAllowed = false
    const error =
      element === null
        ? {
            code: 'null_literal' as const,
            message: 'null can\'t be a literal; use {"$isNull": true} or {"$equals": null}.',
          }
        : { code: 'nested_array' as const, message: 'Arrays of literals do not nest; use {"$equals": [...]}.' }
    report(check, `${place.pointer}/${index}`, error)
  }
  if (list.every(isJsonObject) && list.length > 0) {
    for (const [index, operators] of list.entries()) {
      checkOperators(check, operators, { pointer: `${place.pointer}/${index}`, depth: place.depth })
    }
    return
  }
  check.conditions += 1
  if (!isEveryElementAllowed) return
  if (list.some(isJsonObject)) {
    const message = 'Literals and operator objects do not mix in one array; use "$or".'
    report(check, place.pointer, { code: 'literals_with_operators', message })
  } else if (!list.every(isLiteral) || !areOfOneType(list)) {
    const message = 'The literals of one array are all strings, all numbers or all booleans.'
    report(check, place.pointer, { code: 'mixed_literals', message })
  }
}

function checkOperators(check: Check, operators: JsonObject, place: Place): void {
  const entries = Object.entries(operators)
  if (entries.length === 0) {
    report(check, place.pointer, { code: 'empty_operator', message: 'An operator object names at least one operator.' })
  }
  for (const [operator, operand] of entries) {
    const pointer = `${place.pointer}/${escapePointerToken(operator)}`
    checkOperator(check, { operator, operand }, { pointer, depth: place.depth })
  }
}

function checkOperator(check: Check, { operator, operand }: { operator: string; operand: Json }, place: Place): void {
  const checkOperand = OPERAND_CHECKS.get(operator)
  if (checkOperand === undefined) {
    const isWord = LEVEL_WORDS.has(operator)
    const message = isWord
      ? `${operator} stands in the place of a key, not in an operator object.`
      : `${shorten(JSON.stringify(operator))} is no operator. Only operators stand in an object inside an array.`
    report(check, place.pointer, { code: isWord ? 'misplaced_operator' : 'unknown_operator', message })
    return
  }
  const message = checkOperand(operand)
  if (message !== undefined) report(check, place.pointer, { code: 'wrong_operand', message })
  if (operator === '$contains' || operator === '$equals') {
    checkJsonOperand(check, { operator, operand }, place)
  } else if (operator === '$length' && isJsonObject(operand)) {
    checkLengthOperators(check, operand, place)
  } else {
    check.conditions += 1
  }
}

function checkLengthOperators(check: Check, operators: JsonObject, place: Place): void {
  for (const [operator, operand] of Object.entries(operators)) {
    const isNumeric = [operand].flat().every((each) => typeof each === 'number')
    if (LENGTH_OPERATORS.has(operator) && isNumeric) continue
    const pointer = `${place.pointer}/${escapePointerToken(operator)}`
    if (!OPERAND_CHECKS.has(operator)) continue
    const message = `In $length stand ${[...LENGTH_OPERATORS].join(', ')}, with numbers.`
    report(check, pointer, { code: 'wrong_operand', message })
    return
  }
  checkOperators(check, operators, place)
}

function checkJsonOperand(
  check: Check,
  { operator, operand }: { operator: string; operand: Json },
  place: Place,
): void {
  check.conditions += 1 + (operator === '$contains' ? countTriedContainers(operand) : 0)
  const depthMax = FILTER_DEPTH_MAX - place.depth
  if (isDeeperThan(operand, depthMax)) {
    const message = `Filters, with the arrays and objects of their operands, may nest at most ${FILTER_DEPTH_MAX} deep.`
    report(check, place.pointer, { code: 'too_deep', message })
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
