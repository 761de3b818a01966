import { isHeadersField, isSecretField, REDACTED, redactText } from './redact.js'

/** Deeper values are cut off: a log line is wide, not deep. */
const DEPTH_MAX = 6
const ITEMS_MAX = 100
const CAUSES_MAX = 8
const TEXT_CHARACTERS_MAX = 8_192

/** Turns any value into plain, bounded JSON data without secrets; errors keep their code, stack and chain of causes. */
export function toLoggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cutText(redactText(value))
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Error) return errorToLoggable(value, depth)
  if (depth >= DEPTH_MAX) return '[cut]'
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => toLoggable(item, depth + 1))
  return recordToLoggable(value, depth)
}

function recordToLoggable(value: object, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value).slice(0, ITEMS_MAX)) {
    if (field === undefined) continue
    if (isSecretField(name)) result[name] = REDACTED
    else result[name] = isHeadersField(name) ? headersToLoggable(field) : toLoggable(field, depth + 1)
  }
  return result
}

function headersToLoggable(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers === null ? null : REDACTED
  if (Array.isArray(headers)) return REDACTED
  const names = Object.keys(headers).slice(0, ITEMS_MAX)
  return Object.fromEntries(names.map((name) => [cutText(redactText(name)), REDACTED]))
}

function errorToLoggable(error: Error, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = { name: error.name, message: cutText(redactText(error.message)) }
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' || typeof code === 'number') result['code'] = code
  if (error.stack !== undefined) result['stack'] = cutText(redactText(error.stack))
  if (depth >= CAUSES_MAX) return result
  if (error instanceof AggregateError) {
    result['errors'] = error.errors.slice(0, ITEMS_MAX).map((inner) => toLoggable(inner, depth + 1))
  }
  if (error.cause !== undefined) result['cause'] = toLoggable(error.cause, depth + 1)
  return result
}

function cutText(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX)}…`
}
