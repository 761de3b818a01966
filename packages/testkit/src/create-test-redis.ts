import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'

/** The part of the shared Redis that belongs to one test file. */
export interface TestRedis {
  redisUrl: string
  /** Every key of the test file begins so. */
  prefix: string
  /** Removes the keys of the test file. */
  clear(): Promise<void>
}

const SCAN_COUNT = 500

/** Names a prefix on the server TEST_REDIS_URL that no other test file has. */
export function createTestRedis(): TestRedis {
  const redisUrl = process.env['TEST_REDIS_URL']
  if (!redisUrl)
    throw new Error('TEST_REDIS_URL is not set: run the tests with `npm test`, which starts what they need')
  const prefix = `test-${randomBytes(8).toString('hex')}`
  return { redisUrl, prefix, clear: () => removeKeys(redisUrl, prefix) }
}

async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 })
  try {
    // BullMQ may put the prefix into a {hash tag}.
    for (const pattern of [`${prefix}*`, `{${prefix}*`]) {
      let cursor = '0'
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT)
        if (keys.length > 0) await redis.unlink(...keys)
        cursor = next
      } while (cursor !== '0')
    }
  } finally {
    redis.disconnect()
  }
}
