import { toJsonPointer } from '../json.js'
import { FILTER_BYTES_MAX, type FilterError } from './filter.js'

/** No valid filter nests JSON deeper: 16 filters, at most one array around each, and at most 4 more in an operand. */
const JSON_DEPTH_MAX = 36

interface Visit {
  readonly value: unknown
  readonly parent: Visit | undefined
  readonly token: string | number
  readonly depth: number
}

/**
 * Why an input is no JSON, too large or absurdly deep to be a filter, before anything recurses into it. Stops at the
 * first reason, and after as many steps as the largest filter has bytes, so that cycles and shared parts end too.
 */
export function findSizeError(input: unknown): FilterError | undefined {
  let bytes = 0
  const pending: Visit[] = [{ value: input, parent: undefined, token: '', depth: 0 }]
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    const size = measureOne(visit.value)
    if (size === undefined) {
      return {
        pointer: pointerTo(visit),
        code: 'not_json',
        message: 'A filter holds only JSON values; numbers must be finite.',
      }
    }
    bytes += size
    if (bytes > FILTER_BYTES_MAX) {
      const message = `A filter may have at most ${FILTER_BYTES_MAX.toLocaleString('en')} bytes of JSON.`
      return { pointer: '', code: 'too_large', message }
    }
    if (typeof visit.value !== 'object' || visit.value === null) continue
    if (visit.depth >= JSON_DEPTH_MAX) {
      return { pointer: pointerTo(visit), code: 'too_deep', message: 'The filter nests too deep.' }
    }
    const entries: [string | number, unknown][] = Array.isArray(visit.value)
      ? [...visit.value.entries()]
      : Object.entries(visit.value)
    for (const [token, value] of entries.reverse()) {
      pending.push({ value, parent: visit, token, depth: visit.depth + 1 })
    }
  }
  return undefined
}

/** Bytes of compact JSON, without what stands inside an array or object but with its punctuation. */
function measureOne(value: unknown): number | undefined {
  switch (typeof value) {
    case 'string':
      return measureText(value)
    case 'number':
      return Number.isFinite(value) ? String(value).length : undefined
    case 'boolean':
      return value ? 4 : 5
    case 'object':
      return measureContainer(value)
    default:
      return undefined
  }
}

function measureContainer(value: object | null): number | undefined {
  if (value === null) return 4
  if (Array.isArray(value)) return 2 + Math.max(0, value.length - 1)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return undefined
  const keys = Object.keys(value)
  if (keys.length > FILTER_BYTES_MAX) return keys.length
  return keys.reduce((sum, key) => sum + measureText(key) + 1, 2 + Math.max(0, keys.length - 1))
}

function measureText(text: string): number {
  // A text longer than the limit needs no exact size.
  return text.length > FILTER_BYTES_MAX ? text.length : Buffer.byteLength(JSON.stringify(text))
}

function pointerTo(visit: Visit): string {
  const path: (string | number)[] = []
  for (let each = visit; each.parent !== undefined; each = each.parent) path.unshift(each.token)
  return toJsonPointer(path)
}
