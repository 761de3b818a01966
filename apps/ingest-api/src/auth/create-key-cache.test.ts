import { describe, expect, test } from '@jest/globals'
import type { KeyRecord } from '@signalbox/db'
import { DEFAULT_LIMITS, SignalboxError } from '@signalbox/domain'
import { createKeyCache, hashForCache } from './create-key-cache.js'

const record: KeyRecord = {
  keyId: 'k',
  kind: 'secret',
  expiresAt: null,
  environment: {
    organizationId: 'o',
    environmentId: 'e',
    projectId: 'p',
    type: 'PRODUCTION',
    unknownAccounts: 'ignore',
    limits: DEFAULT_LIMITS,
  },
}
const HASH = hashForCache('tr_prod_x')

function create() {
  const clock = { ms: 0 }
  const store = { lookups: 0, answer: async (): Promise<KeyRecord | undefined> => record }
  const findKey = (): Promise<KeyRecord | undefined> => {
    store.lookups += 1
    return store.answer()
  }
  return { clock, store, cache: createKeyCache({ findKey }, () => clock.ms) }
}

/** Lets what was started in the background end. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the cache of keys', () => {
  test('asks once for many requests at one time', async () => {
    const { cache, store } = create()
    expect(await Promise.all([cache.load(HASH), cache.load(HASH)])).toEqual([record, record])
    expect([store.lookups, cache.peek(HASH)?.record]).toEqual([1, record])
  })

  test('believes a key for less than 3 seconds, and refreshes it before without making anyone wait', async () => {
    const { cache, clock, store } = create()
    await cache.load(HASH)
    clock.ms = 1_499
    expect([cache.peek(HASH)?.record, store.lookups]).toEqual([record, 1])
    clock.ms = 1_600
    expect([cache.peek(HASH)?.record, store.lookups]).toEqual([record, 2])
    await settle()
    clock.ms = 1_600 + 2_999
    store.answer = () => Promise.reject(new Error('away'))
    expect(cache.peek(HASH)?.record).toBe(record)
    await settle()
    clock.ms = 1_600 + 3_000
    expect([cache.peek(HASH), cache.wasGood(HASH)]).toEqual([undefined, true])
    await expect(cache.load(HASH)).rejects.toThrow('away')
  })

  test('notices a revocation when it refreshes', async () => {
    const { cache, clock, store } = create()
    await cache.load(HASH)
    store.answer = async () => undefined
    clock.ms = 2_000
    expect(cache.peek(HASH)?.record).toBe(record)
    await settle()
    expect(cache.peek(HASH)).toEqual({ record: undefined, at: 2_000 })
    expect(cache.wasGood(HASH)).toBe(false)
  })

  test('believes that a key is unknown for a second', async () => {
    const { cache, clock, store } = create()
    store.answer = async () => undefined
    await cache.load(HASH)
    expect(cache.peek(HASH)).toEqual({ record: undefined, at: 0 })
    clock.ms = 1_000
    expect(cache.peek(HASH)).toBeUndefined()
    store.answer = async () => record
    expect(await cache.load(HASH)).toBe(record)
  })

  test('bounds the look-ups at one time', async () => {
    const { cache, store } = create()
    let end = (): void => undefined
    store.answer = () => new Promise((resolve) => (end = () => resolve(record)))
    const ends: (() => void)[] = []
    const running = Array.from({ length: 200 }, (_, index) => {
      const loading = cache.load(hashForCache(String(index)))
      ends.push(end)
      return loading
    })
    await expect(cache.load(HASH)).rejects.toBeInstanceOf(SignalboxError)
    for (const finish of ends) finish()
    await Promise.all(running)
    store.answer = async () => record
    expect(await cache.load(HASH)).toBe(record)
  })
})
