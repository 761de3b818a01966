import type { Json, JsonObject } from '../../json.js'
import { isJsonObject } from '../../json.js'

/** The fields that an event has for event patterns. */
export const ENVELOPE_FIELDS: ReadonlySet<string> = new Set([
  'version',
  'id',
  'detail-type',
  'source',
  'account',
  'time',
  'region',
  'resources',
  'detail',
])

/** What fields of the envelope are called elsewhere in the API, in plain letters. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['name', 'detail-type'],
  ['payload', 'detail'],
  ['timestamp', 'time'],
  ['accountid', 'account'],
])

/** A field that no event has, and the one that was probably meant. */
export interface StrangeField {
  readonly field: string
  readonly meant: string
}

/**
 * Finds the fields of a valid event pattern, in its alternatives too, that no event has at that place. EventBridge takes
 * such a pattern, so it is not refused; whatever it asks of such a field but to be absent is never so.
 */
export function findStrangeFields(pattern: JsonObject): StrangeField[] {
  const found = new Map<string, StrangeField>()
  collect(pattern, found)
  return [...found.values()]
}

function collect(pattern: JsonObject, found: Map<string, StrangeField>): void {
  for (const [field, wanted] of Object.entries(pattern)) {
    if (field === '$or') {
      for (const alternative of wanted as Json[]) if (isJsonObject(alternative)) collect(alternative, found)
    } else if (!ENVELOPE_FIELDS.has(field) && !found.has(field)) {
      found.set(field, { field, meant: findMeant(field) })
    }
  }
}

function findMeant(field: string): string {
  const plain = toPlain(field)
  const meant = [...ENVELOPE_FIELDS].find((name) => toPlain(name) === plain)
  return meant ?? OTHER_NAMES.get(plain) ?? `detail.${field}`
}

/** `detailType` and `DetailType` are `detail-type`. */
function toPlain(field: string): string {
  return field.replaceAll(/[\s_-]/g, '').toLowerCase()
}
