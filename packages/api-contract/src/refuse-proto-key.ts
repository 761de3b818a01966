import type { Json } from '@signalbox/domain'
import { z } from 'zod'

/** Why a filter with this key is refused. */
export const PROTO_KEY_MESSAGE = 'The key __proto__ can not be stored here'

/** Tells whether any object in a value has this key. The value's depth is bounded by then. */
export function holdsKey(value: Json, key: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some((one) => holdsKey(one, key))
  return Object.hasOwn(value, key) || Object.values(value).some((one) => holdsKey(one, key))
}

/**
 * Refuses the key `__proto__` where what is written goes through the database client's own objects, which would lose it:
 * a filter without one of its conditions takes events that nobody asked for. Payloads are stored as they are.
 */
export function refuseProtoKey(input: unknown, context: z.core.ParsePayload): never {
  context.issues.push({ code: 'custom', input, message: PROTO_KEY_MESSAGE, params: { code: 'key_refused' } })
  return z.NEVER
}
