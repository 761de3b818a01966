import { type Json, isJsonObject } from '../json.js'

/**
 * Deep equality of JSON: no coercion, -0 equals 0, the order of an object's keys does not count. Recursion follows
 * `operand`, the side whose depth is bounded, so a deep `value` costs nothing.
 */
export function equalsJson(value: Json | undefined, operand: Json): boolean {
  if (Array.isArray(operand)) {
    return (
      Array.isArray(value) &&
      value.length === operand.length &&
      operand.every((element, index) => equalsJson(value[index], element))
    )
  }
  if (!isJsonObject(operand)) return value === operand
  if (!isJsonObject(value)) return false
  const entries = Object.entries(operand)
  return (
    entries.every(([key, wanted]) => Object.hasOwn(value, key) && equalsJson(value[key], wanted)) &&
    Object.keys(value).length === entries.length
  )
}
