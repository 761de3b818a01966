import { type Json, measureExtent } from '@signalbox/domain'
import type { BodyExtent } from '../http/parse-json-body.js'

/**
 * Whether an event of a body takes more bytes than one may, its numbers written out: Postgres gives 1e300 back with all its
 * digits, to whoever matches and sends the event. Where the whole body keeps within that, its events are not measured.
 */
export function isEventTooLarge(event: unknown, body: BodyExtent, eventBytesMax: number): boolean {
  if (body.bytes + body.numberCharacters <= eventBytesMax) return false
  // What JSON.stringify gives; dates are text in it.
  const { savedCharacters } = measureExtent(event as Json, body.depth)
  return Buffer.byteLength(JSON.stringify(event)) + savedCharacters > eventBytesMax
}
