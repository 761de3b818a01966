import { type Json, type JsonObject, escapePointerToken, isDeeperThan, isJsonObject } from '../json.js'
import { countTriedContainers } from './contains-json.js'
import { describeUnknownOperator } from './describe-unknown-operator.js'
import { FILTER_DEPTH_MAX } from './filter.js'
import {
  checkFilter,
  type FilterCheck,
  type FilterParsing,
  type FilterPlace,
  isTooDeep,
  reportError,
  shorten,
} from './filter-check.js'
import { LENGTH_OPERATORS, LEVEL_WORDS, OPERAND_CHECKS, areOfOneType, isLiteral } from './filter-operands.js'

/**
 * Checks that an input is a filter. The accepted filter is the input itself, unchanged. Never throws; reports up to
 * `FILTER_ERRORS_MAX` errors at once, each with a JSON pointer and a plain sentence.
 */
export function parseFilter(input: unknown): FilterParsing {
  return checkFilter(input, checkNode)
}

function checkNode(check: FilterCheck, filter: JsonObject, place: FilterPlace): void {
  if (isTooDeep(check, place)) return
  const entries = Object.entries(filter)
  // An empty filter costs a look as well: without this, very many could hide in one `$or`.
  if (entries.length === 0) check.conditions += 1
  for (const [key, wanted] of entries) {
    const pointer = `${place.pointer}/${escapePointerToken(key)}`
    if (LEVEL_WORDS.has(key)) {
      checkWord(check, { word: key, operand: wanted }, { pointer, depth: place.depth })
    } else if (OPERAND_CHECKS.has(key)) {
      const message = `${key} is an operator: it stands in an object inside an array, as in {"name": [{"${key}": ...}]}.`
      reportError(check, pointer, { code: 'misplaced_operator', message })
    } else {
      checkProperty(check, wanted, { pointer, depth: place.depth })
    }
  }
}

function checkWord(check: FilterCheck, { word, operand }: { word: string; operand: Json }, place: FilterPlace): void {
  if (word === '$contains' || word === '$equals') {
    checkJsonOperand(check, { operator: word, operand }, place)
    return
  }
  if (!Array.isArray(operand)) {
    reportError(check, place.pointer, { code: 'wrong_operand', message: `${word} takes an array of filters.` })
    return
  }
  if (operand.length === 0) {
    reportError(check, place.pointer, { code: 'empty_alternatives', message: `${word} takes at least one filter.` })
  }
  for (const [index, filter] of operand.entries()) {
    const pointer = `${place.pointer}/${index}`
    if (isJsonObject(filter)) checkNode(check, filter, { pointer, depth: place.depth + 1 })
    else reportError(check, pointer, { code: 'wrong_operand', message: `${word} takes an array of filters.` })
  }
}

function checkProperty(check: FilterCheck, wanted: Json, place: FilterPlace): void {
  if (Array.isArray(wanted)) {
    checkList(check, wanted, place)
  } else if (isJsonObject(wanted)) {
    checkNode(check, wanted, { pointer: place.pointer, depth: place.depth + 1 })
  } else if (wanted === null) {
    const message = 'null can\'t be a condition; write [{"$isNull": true}].'
    reportError(check, place.pointer, { code: 'null_literal', message })
  } else {
    const message = `A literal stands in an array: write [${shorten(JSON.stringify(wanted))}].`
    reportError(check, place.pointer, { code: 'bare_scalar', message })
  }
}

function checkList(check: FilterCheck, list: readonly Json[], place: FilterPlace): void {
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
    reportError(check, `${place.pointer}/${index}`, error)
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
    reportError(check, place.pointer, { code: 'literals_with_operators', message })
  } else if (!list.every(isLiteral) || !areOfOneType(list)) {
    const message = 'The literals of one array are all strings, all numbers or all booleans.'
    reportError(check, place.pointer, { code: 'mixed_literals', message })
  }
}

function checkOperators(check: FilterCheck, operators: JsonObject, place: FilterPlace): void {
  const entries = Object.entries(operators)
  if (entries.length === 0) {
    reportError(check, place.pointer, {
      code: 'empty_operator',
      message: 'An operator object names at least one operator.',
    })
  }
  for (const [operator, operand] of entries) {
    const pointer = `${place.pointer}/${escapePointerToken(operator)}`
    checkOperator(check, { operator, operand }, { pointer, depth: place.depth })
  }
}

function checkOperator(
  check: FilterCheck,
  { operator, operand }: { operator: string; operand: Json },
  place: FilterPlace,
): void {
  const checkOperand = OPERAND_CHECKS.get(operator)
  if (checkOperand === undefined) {
    const isWord = LEVEL_WORDS.has(operator)
    const message = isWord
      ? `${operator} stands in the place of a key, not in an operator object.`
      : describeUnknownOperator(operator)
    reportError(check, place.pointer, { code: isWord ? 'misplaced_operator' : 'unknown_operator', message })
    return
  }
  const message = checkOperand(operand)
  if (message !== undefined) reportError(check, place.pointer, { code: 'wrong_operand', message })
  if (operator === '$contains' || operator === '$equals') {
    checkJsonOperand(check, { operator, operand }, place)
  } else if (operator === '$length' && isJsonObject(operand)) {
    checkLengthOperators(check, operand, place)
  } else {
    check.conditions += 1
  }
}

function checkLengthOperators(check: FilterCheck, operators: JsonObject, place: FilterPlace): void {
  for (const [operator, operand] of Object.entries(operators)) {
    const isNumeric = [operand].flat().every((each) => typeof each === 'number')
    if (LENGTH_OPERATORS.has(operator) && isNumeric) continue
    const pointer = `${place.pointer}/${escapePointerToken(operator)}`
    if (!OPERAND_CHECKS.has(operator)) continue
    const message = `In $length stand ${[...LENGTH_OPERATORS].join(', ')}, with numbers.`
    reportError(check, pointer, { code: 'wrong_operand', message })
    return
  }
  checkOperators(check, operators, place)
}

function checkJsonOperand(
  check: FilterCheck,
  { operator, operand }: { operator: string; operand: Json },
  place: FilterPlace,
): void {
  check.conditions += 1 + (operator === '$contains' ? countTriedContainers(operand) : 0)
  const depthMax = FILTER_DEPTH_MAX - place.depth
  if (isDeeperThan(operand, depthMax)) {
    const message = `Filters, with the arrays and objects of their operands, may nest at most ${FILTER_DEPTH_MAX} deep.`
    reportError(check, place.pointer, { code: 'too_deep', message })
  }
}
