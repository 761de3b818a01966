import { healthConfigShape, readConfig, runtimeConfigShape } from '@signalbox/runtime'
import { z } from 'zod'

/** All variables of the dispatcher-worker. */
export const configSchema = z.object({
  ...runtimeConfigShape,
  ...healthConfigShape,
  DATABASE_URL: z.url().describe('The PostgreSQL database, as postgresql://user:password@host:port/name.'),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(200).default(12).describe('Connections to Postgres, at most.'),
  REDIS_URL: z.url().describe('The Redis server, as redis://host:port.'),
  REDIS_PREFIX: z.string().min(1).max(64).default('signalbox').describe('What all keys in Redis begin with.'),
  SECRETS_MASTER_KEYS: z
    .string()
    .min(1)
    .describe('Keys that seal secrets in the database, as id:base64 of 32 bytes, comma-separated; the first seals.'),
  EGRESS_ALLOW: z
    .string()
    .default('')
    .describe('Hosts and networks that may be called although the address guard refuses them, comma-separated.'),
  DISPATCH_JOBS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(20)
    .describe('Queue jobs of up to 200 deliveries that look for places at one time.'),
  DISPATCH_IN_FLIGHT_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(1_000)
    .describe('Attempts in flight at one time in this process.'),
})

/** The configuration as the app sees it. */
export type DispatcherWorkerConfig = z.infer<typeof configSchema>

/** Reads it from the process's environment. */
export function readDispatcherWorkerConfig(): DispatcherWorkerConfig {
  return readConfig(configSchema, process.env)
}
