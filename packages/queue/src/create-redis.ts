import { Redis, type RedisOptions } from 'ioredis'

/** Pause between two tries to connect, growing up to a second: a Redis that comes back is used at once. */
const RECONNECT_MS_STEP = 50
const RECONNECT_MS_MAX = 1_000
const CONNECT_TIMEOUT_MS = 3_000
/** A command of a producer is given up after this long. */
const COMMAND_TIMEOUT_MS = 2_000

const base: RedisOptions = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  retryStrategy: (tries) => Math.min(tries * RECONNECT_MS_STEP, RECONNECT_MS_MAX),
}

/** How to reach Redis; errors of the connection go to `onError`, it is made again without end. */
export interface RedisConnectionOptions {
  url: string
  onError?: (error: Error) => void
}

/** A connection for a worker: commands wait for as long as it takes until Redis is back. */
export function createWorkerConnection(options: RedisConnectionOptions): Redis {
  return open(options, { ...base, maxRetriesPerRequest: null })
}

/** A connection for a producer: without Redis, commands fail at once. */
export function createProducerConnection(options: RedisConnectionOptions): Redis {
  return open(options, {
    ...base,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
  })
}

function open({ url, onError }: RedisConnectionOptions, options: RedisOptions): Redis {
  const redis = new Redis(url, options)
  // Without a listener, the error of a lost connection is printed to the console by the client.
  redis.on('error', (error: Error) => onError?.(error))
  return redis
}
