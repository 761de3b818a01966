import { healthConfigShape, readConfig, runtimeConfigShape } from '@signalbox/runtime'
import { z } from 'zod'

/** All variables of the scheduler. */
export const configSchema = z.object({
  ...runtimeConfigShape,
  ...healthConfigShape,
  DATABASE_URL: z.url().describe('The PostgreSQL database, as postgresql://user:password@host:port/name.'),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(50).default(4).describe('Connections to Postgres, at most.'),
  REDIS_URL: z.url().describe('The Redis server, as redis://host:port.'),
  REDIS_PREFIX: z.string().min(1).max(64).default('signalbox').describe('What all keys in Redis begin with.'),
  SCHEDULE_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(1_000)
    .describe('Pause between two looks for due and stuck work, in milliseconds.'),
  PRUNE_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(60_000)
    .describe('Pause between two rounds of removing what outlived its retention, in milliseconds.'),
})

/** The configuration as the app sees it. */
export type SchedulerConfig = z.infer<typeof configSchema>

/** Reads it from the process's environment. */
export function readSchedulerConfig(): SchedulerConfig {
  return readConfig(configSchema, process.env)
}
