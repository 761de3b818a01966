import { healthConfigShape, readConfig, runtimeConfigShape } from '@signalbox/runtime'
import { z } from 'zod'

const BYTES_PER_MIB = 1_048_576

/** All variables of the deliver-worker. */
export const configSchema = z.object({
  ...runtimeConfigShape,
  ...healthConfigShape,
  DATABASE_URL: z.url().describe('The PostgreSQL database, as postgresql://user:password@host:port/name.'),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(200).default(8).describe('Connections to Postgres, at most.'),
  REDIS_URL: z.url().describe('The Redis server, as redis://host:port.'),
  REDIS_PREFIX: z.string().min(1).max(64).default('signalbox').describe('What all keys in Redis begin with.'),
  DELIVER_JOBS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('Groups of up to 500 events that are delivered at one time.'),
  DELIVER_MATCHERS_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(BYTES_PER_MIB)
    .default(512 * BYTES_PER_MIB)
    .describe(
      'Memory for the dispatchers of the environments whose events come by, in bytes; the least recently used go first. The process itself takes some 150 MiB beyond it.',
    ),
})

/** The configuration as the app sees it. */
export type DeliverWorkerConfig = z.infer<typeof configSchema>

/** Reads it from the process's environment. */
export function readDeliverWorkerConfig(): DeliverWorkerConfig {
  return readConfig(configSchema, process.env)
}
