import { type Json, isJsonObject } from '../json.js'
import { parseInstant } from './instant.js'
import { parseIpRange } from './ip-range.js'

/** What is wrong with an operator's operand, in a plain sentence; undefined when nothing is. */
type OperandCheck = (operand: Json) => string | undefined

/** Words that stand in the place of a key. */
export const LEVEL_WORDS: ReadonlySet<string> = new Set(['$or', '$and', '$nor', '$contains', '$equals'])

/** The operators of operator objects, and the check of each one's operand; `$length` and JSON operands have more. */
export const OPERAND_CHECKS: ReadonlyMap<string, OperandCheck> = new Map<string, OperandCheck>([
  ['$startsWith', (operand) => unless(typeof operand === 'string', '$startsWith takes a string.')],
  ['$endsWith', (operand) => unless(typeof operand === 'string', '$endsWith takes a string.')],
  ['$ignoreCaseEquals', (operand) => unless(typeof operand === 'string', '$ignoreCaseEquals takes a string.')],
  ['$wildcard', (operand) => unless(typeof operand === 'string', '$wildcard takes a string, such as "order.*".')],
  ['$exists', (operand) => unless(typeof operand === 'boolean', '$exists takes true or false.')],
  ['$isNull', (operand) => unless(typeof operand === 'boolean', '$isNull takes true or false.')],
  ['$anythingBut', checkAnythingBut],
  ['$not', (operand) => unless(isLiteral(operand), '$not takes one string, number or boolean.')],
  ['$includes', (operand) => unless(isLiteral(operand), '$includes takes one string, number or boolean.')],
  ['$gt', (operand) => unless(typeof operand === 'number', '$gt takes a number.')],
  ['$gte', (operand) => unless(typeof operand === 'number', '$gte takes a number.')],
  ['$lt', (operand) => unless(typeof operand === 'number', '$lt takes a number.')],
  ['$lte', (operand) => unless(typeof operand === 'number', '$lte takes a number.')],
  ['$between', checkBetween],
  ['$contains', () => undefined],
  ['$equals', () => undefined],
  ['$cidr', checkCidr],
  ['$before', (operand) => checkDate('$before', operand)],
  ['$after', (operand) => checkDate('$after', operand)],
  ['$length', checkLength],
])

/** The operators that may stand in the operator object of `$length`, each with numbers only. */
export const LENGTH_OPERATORS: ReadonlySet<string> = new Set([
  '$gt',
  '$gte',
  '$lt',
  '$lte',
  '$between',
  '$not',
  '$anythingBut',
])

/** Whether a value can stand in a list of literals. */
export function isLiteral(value: Json | undefined): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** Whether all literals are strings, or all numbers, or all booleans. */
export function areOfOneType(literals: readonly Json[]): boolean {
  return literals.every((literal) => typeof literal === typeof literals[0])
}

function unless(isRight: boolean, message: string): string | undefined {
  return isRight ? undefined : message
}

function checkAnythingBut(operand: Json): string | undefined {
  const literals = Array.isArray(operand) ? operand : [operand]
  const isRight = literals.every(isLiteral) && areOfOneType(literals)
  return unless(isRight, '$anythingBut takes a string, number or boolean, or an array of one of these types.')
}

function checkBetween(operand: Json): string | undefined {
  const [low, high] = Array.isArray(operand) && operand.length === 2 ? operand : []
  if (typeof low !== 'number' || typeof high !== 'number') return '$between takes two numbers: [low, high].'
  return unless(low <= high, '$between takes the lower number first.')
}

function checkCidr(operand: Json): string | undefined {
  const isRight = typeof operand === 'string' && parseIpRange(operand) !== undefined
  return unless(isRight, '$cidr takes an IP range in CIDR notation, such as "10.0.0.0/8" or "2001:db8::/32".')
}

function checkDate(operator: string, operand: Json): string | undefined {
  const isRight = typeof operand === 'string' && parseInstant(operand) !== undefined
  return unless(isRight, `${operator} takes an ISO 8601 date, such as "2026-11-20T17:30:00Z".`)
}

function checkLength(operand: Json): string | undefined {
  if (isJsonObject(operand)) return undefined
  const isRight = typeof operand === 'number' && Number.isSafeInteger(operand) && operand >= 0
  return unless(isRight, '$length takes a whole number from 0, or an operator object such as {"$gte": 1}.')
}
