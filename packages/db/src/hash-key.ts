import { createHash } from 'node:crypto'

/** What is stored of a key: SHA-256. A key has at least 160 random bits, so a slow hash would add nothing. */
export function hashKey(key: string): Buffer<ArrayBuffer> {
  return createHash('sha256').update(key).digest()
}
