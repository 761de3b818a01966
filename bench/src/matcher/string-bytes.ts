import { isJsonObject, type DispatcherRule, type Json } from '@signalbox/domain'

const HEADER_BYTES = 16
const ALIGNMENT_BYTES = 8
/** Strings up to this length JSON.parse takes from a table in which each stands once. */
const SHARED_LENGTH_MAX = 10

/** Bytes that V8 takes for the strings that a rule brings along: its id and the literals of its filters. */
export function countStringBytes({ id, payloadFilter, contextFilter }: DispatcherRule): number {
  return countText(id) + countLiterals(payloadFilter) + countLiterals(contextFilter)
}

/** Keys stand once, whatever the number of filters that have them. */
function countLiterals(value: Json): number {
  if (typeof value === 'string') return countText(value)
  const below = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : []
  return below.reduce<number>((sum, one) => sum + countLiterals(one), 0)
}

function countText({ length }: string): number {
  return length <= SHARED_LENGTH_MAX ? 0 : HEADER_BYTES + Math.ceil(length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
}
