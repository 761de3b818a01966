import { isJsonObject, type Json, type JsonObject, toJsonPointer } from '@signalbox/domain'
import { eventOptionsSchema } from './event.js'

/** A key that is ignored where it stands, and the pointer under which it would count. */
export interface MisplacedKey {
  pointer: string
  meant: string
}

const OPTIONS = Object.keys(eventOptionsSchema.shape)

/** What CloudEvents and others call the payload. */
const PAYLOAD_ALIAS = 'data'

/** Keys that a header names: proxies refuse headers of many kilobytes. */
const TOLD_MAX = 5

type Path = readonly (string | number)[]

/**
 * Finds what a body that sends events says in a place where it is ignored: options beside `options` or in an event, and a
 * payload called `data`. Sending takes unknown keys, as trigger.dev v2 does, so a delay that is misplaced would get lost in
 * silence. Costs a few look-ups for each event.
 */
export function findMisplacedKeys(body: unknown): MisplacedKey[] {
  const sent = body as Json
  if (!isJsonObject(sent)) return []
  const found = findOptions(sent, [])
  const { event, events } = sent
  if (isJsonObject(event)) found.push(...findInEvent(event, ['event']))
  if (Array.isArray(events)) {
    for (const [index, one] of events.entries()) {
      if (isJsonObject(one)) found.push(...findInEvent(one, ['events', index]))
    }
  }
  return found
}

/** Says it in one line of ASCII, for a header; undefined when there is nothing to say. */
export function describeMisplacedKeys(keys: readonly MisplacedKey[]): string | undefined {
  if (keys.length === 0) return undefined
  const told = keys.slice(0, TOLD_MAX).map(({ pointer, meant }) => `${pointer} is ignored: did you mean ${meant}?`)
  const rest = keys.length - told.length
  return rest === 0 ? told.join(' ') : `${told.join(' ')} There are ${rest} more.`
}

function findInEvent(event: JsonObject, path: Path): MisplacedKey[] {
  const found = findOptions(event, path)
  if (event['payload'] === undefined && isGiven(event, PAYLOAD_ALIAS)) {
    found.push({ pointer: toJsonPointer([...path, PAYLOAD_ALIAS]), meant: toJsonPointer([...path, 'payload']) })
  }
  return found
}

function findOptions(object: JsonObject, path: Path): MisplacedKey[] {
  const keys = OPTIONS.filter((key) => isGiven(object, key))
  return keys.map((key) => ({ pointer: toJsonPointer([...path, key]), meant: toJsonPointer(['options', key]) }))
}

function isGiven(object: JsonObject, key: string): boolean {
  return Object.hasOwn(object, key) && object[key] !== null
}
