/** A parsed `traceparent` header, as W3C Trace Context level 1 defines it. */
export interface Traceparent {
  readonly version: string
  readonly traceId: string
  readonly parentId: string
  /** The flags byte, 0 to 255. */
  readonly flags: number
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const HEADER_CHARACTERS_MAX = 512
const TRACE_ID_BYTES = 16
const PARENT_ID_BYTES = 8
const FLAG_SAMPLED = 0x01
const INVALID_VERSION = 'ff'
const OUR_VERSION = '00'

/**
 * Parses a `traceparent` header (W3C Trace Context level 1, section 3.2); undefined when it is not a valid one.
 * Of a later version only the parts known today are read, as section 3.2.4 asks.
 */
export function parseTraceparent(header: string | undefined): Traceparent | undefined {
  if (header === undefined || header.length > HEADER_CHARACTERS_MAX) return undefined
  const match = TRACEPARENT.exec(header)
  if (match === null) return undefined
  const [, version = '', traceId = '', parentId = '', flags = '', rest] = match
  if (version === INVALID_VERSION) return undefined
  if (version === OUR_VERSION && rest !== undefined) return undefined
  if (isAllZero(traceId) || isAllZero(parentId)) return undefined
  return { version, traceId, parentId, flags: Number.parseInt(flags, 16) }
}

/**
 * Writes the header for what we call on behalf of `parent`: the same trace, a new parent id, the sampled flag kept.
 * Without a parent a new, unsampled trace begins.
 */
export function childTraceparent(parent: Traceparent | undefined, randomBytes: (count: number) => Uint8Array): string {
  const traceId = parent?.traceId ?? randomId(TRACE_ID_BYTES, randomBytes)
  const flags = (parent?.flags ?? 0) & FLAG_SAMPLED
  return `${OUR_VERSION}-${traceId}-${randomId(PARENT_ID_BYTES, randomBytes)}-${flags.toString(16).padStart(2, '0')}`
}

function randomId(count: number, randomBytes: (count: number) => Uint8Array): string {
  const id = Buffer.from(randomBytes(count)).toString('hex')
  return isAllZero(id) ? `${id.slice(0, -1)}1` : id
}

function isAllZero(hex: string): boolean {
  return /^0+$/.test(hex)
}
