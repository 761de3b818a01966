import { type Json, isJsonObject } from '../json.js'
import { createWorkBudget, spend, type WorkBudget } from './work-budget.js'

/**
 * Deep equality of JSON: no coercion, -0 equals 0, the order of an object's keys does not count. Recursion follows
 * `operand`, the side whose depth is bounded, so a deep `value` costs nothing.
 */
export function equalsJson(value: Json | undefined, operand: Json, budget: WorkBudget = createWorkBudget()): boolean {
  if (Array.isArray(operand)) {
    return (
      Array.isArray(value) &&
      value.length === operand.length &&
      operand.every((element, index) => equalsJson(value[index], element, budget))
    )
  }
  if (!isJsonObject(operand)) return value === operand
  if (!isJsonObject(value)) return false
  const entries = Object.entries(operand)
  if (!entries.every(([key, wanted]) => Object.hasOwn(value, key) && equalsJson(value[key], wanted, budget)))
    return false
  // Of all that is done here, only this grows with the value and not with the operand; a key takes two steps or more.
  const { length } = Object.keys(value)
  spend(budget, 2 * length)
  return length === entries.length
}
