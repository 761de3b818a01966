import { randomFillSync } from 'node:crypto'

/** Random bytes are drawn in pages: one system call for many ids. */
const POOL_BYTES = 4096
const pool = new Uint8Array(POOL_BYTES)
let poolOffset = POOL_BYTES

const DIGITS = Buffer.from('0123456789abcdef')
/** The text of the last id: what the next one has in common with it stays. */
const lastText = Buffer.from('00000000-0000-7000-8000-000000000000')
let lastTextMs = 0

let lastMs = 0
let sequence = 0

/**
 * Makes a UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, a 12-bit counter within the millisecond (its
 * method 1), 62 random bits. Ids of one process sort in the order in which they were made.
 */
export function createId(): string {
  const [ms, counter] = nextTick(Date.now())
  if (poolOffset + 8 > POOL_BYTES) {
    randomFillSync(pool)
    poolOffset = 0
  }
  if (ms !== lastTextMs) writeTime(ms)
  writeByte(16, counter & 0xff)
  lastText[15] = DIGITS[counter >>> 8] as number
  writeByte(19, ((pool[poolOffset] as number) & 0x3f) | 0x80)
  writeByte(21, pool[poolOffset + 1] as number)
  for (let index = 0; index < 6; index += 1) writeByte(24 + 2 * index, pool[poolOffset + 2 + index] as number)
  poolOffset += 8
  return lastText.toString('latin1')
}

function writeTime(ms: number): void {
  const time = ms.toString(16).padStart(12, '0')
  lastText.write(`${time.slice(0, 8)}-${time.slice(8)}`)
  lastTextMs = ms
}

function writeByte(at: number, byte: number): void {
  lastText[at] = DIGITS[byte >>> 4] as number
  lastText[at + 1] = DIGITS[byte & 0xf] as number
}

// A clock that steps back, or more than 4,096 ids in one millisecond, must not break the order.
function nextTick(now: number): [ms: number, counter: number] {
  if (now > lastMs) {
    lastMs = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    lastMs++
    sequence = 0
  }
  return [lastMs, sequence]
}

/** The smallest UUIDv7 of a moment: a bound for paging and pruning by id. */
export function firstIdAt(time: Date): string {
  const hexTime = Math.max(0, time.getTime()).toString(16).padStart(12, '0')
  return `${hexTime.slice(0, 8)}-${hexTime.slice(8)}-7000-8000-000000000000`
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Tells whether a text has the form of a UUID (RFC 9562), in any case. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}
