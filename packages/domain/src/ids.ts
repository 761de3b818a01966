import { randomFillSync } from 'node:crypto'

/** Random bytes are drawn in pages: one system call for many ids. */
const POOL_BYTES = 4096
const pool = new Uint8Array(POOL_BYTES)
let poolOffset = POOL_BYTES

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

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
  const o = poolOffset
  poolOffset += 8
  const time = ms.toString(16).padStart(12, '0')
  const variant = ((pool[o] as number) & 0x3f) | 0x80
  const tail = `${hex(o + 2)}${hex(o + 3)}${hex(o + 4)}${hex(o + 5)}${hex(o + 6)}${hex(o + 7)}`
  const rest = `7${counter.toString(16).padStart(3, '0')}-${HEX[variant]}${hex(o + 1)}-${tail}`
  return `${time.slice(0, 8)}-${time.slice(8)}-${rest}`
}

function hex(index: number): string {
  return HEX[pool[index] as number] as string
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
