import { hash } from 'node:crypto'
import type { KeyRecord, KeyStore } from '@signalbox/db'
import { SignalboxError } from '@signalbox/domain'
import { createLruMap } from './create-lru-map.js'

/** A key is believed for so long without asking: a revocation holds everywhere within this time. */
const BELIEVED_MS = 3_000

/** From this age on it is asked for again, while requests still go on with what is known. */
const REFRESH_MS = 1_500

/** An unknown key stays unknown for so long: a new key works after this time at the latest. */
const UNKNOWN_MS = 1_000

/** Known and unknown keys are held apart, so that guessing can't push out what is in use. */
const KEYS_MAX = 10_000
const LOOKUPS_MAX = 200

interface Entry {
  record: KeyRecord | undefined
  at: number
}

/** Keys in memory, for seconds. */
export interface KeyCache {
  /** The key when it is known well enough, without waiting. */
  peek(hash: string): Entry | undefined
  /** Whether the key was good when it was last looked up, however long ago. */
  wasGood(hash: string): boolean
  /** Looks the key up; look-ups of one key at the same time are one. Throws when storage is away. */
  load(keyHash: string): Promise<KeyRecord | undefined>
}

/** Creates the cache before a store. `now` is a clock that never steps back. */
export function createKeyCache(store: KeyStore, now: () => number = () => performance.now()): KeyCache {
  const good = createLruMap<Entry>(KEYS_MAX)
  const unknown = createLruMap<Entry>(KEYS_MAX)
  const loading = new Map<string, Promise<KeyRecord | undefined>>()

  const lookUp = async (hash: string): Promise<KeyRecord | undefined> => {
    // The age counts from before the question: the answer may be older than its arrival.
    const at = now()
    const record = await store.findKey(Buffer.from(hash, 'hex'))
    if (record === undefined) {
      good.delete(hash)
      unknown.set(hash, { record, at })
    } else {
      unknown.delete(hash)
      good.set(hash, { record, at })
    }
    return record
  }

  const load = (hash: string): Promise<KeyRecord | undefined> => {
    const running = loading.get(hash)
    if (running !== undefined) return running
    if (loading.size >= LOOKUPS_MAX) return Promise.reject(new SignalboxError('overloaded', 'Too many keys looked up'))
    const lookup = lookUp(hash).finally(() => loading.delete(hash))
    loading.set(hash, lookup)
    return lookup
  }

  return {
    load,
    wasGood: (hash) => good.get(hash) !== undefined,
    peek(hash) {
      const entry = good.get(hash)
      if (entry === undefined) {
        const missing = unknown.get(hash)
        return missing !== undefined && now() - missing.at < UNKNOWN_MS ? missing : undefined
      }
      const age = now() - entry.at
      if (age >= BELIEVED_MS) return undefined
      // When it fails, the entry runs out, and the request that then has to wait hears of it.
      if (age >= REFRESH_MS) load(hash).catch(() => undefined)
      return entry
    },
  }
}

/** The name of a key in the cache and in the store: its SHA-256. */
export function hashForCache(key: string): string {
  return hash('sha256', key, 'hex')
}
