import { healthConfigShape, readConfig, runtimeConfigShape } from '@signalbox/runtime'
import { z } from 'zod'

/** All variables of the ingest-api. */
export const configSchema = z.object({
  ...runtimeConfigShape,
  PORT: z.coerce.number().int().min(0).max(65_535).default(3030).describe('Port of the API; 0 takes a free one.'),
  HOST: z.string().default('0.0.0.0').describe('Address on which the API is served.'),
  HEALTH_PORT: healthConfigShape.HEALTH_PORT.unwrap()
    .optional()
    .describe(
      'Port of /health/live, /health/ready and /metrics; without it /metrics is public on the port of the API.',
    ),
  HEALTH_HOST: healthConfigShape.HEALTH_HOST,
  DATABASE_URL: z.url().describe('The PostgreSQL database, as postgresql://user:password@host:port/name.'),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(200).default(10).describe('Connections to Postgres, at most.'),
  REDIS_URL: z.url().describe('The Redis server, as redis://host:port.'),
  REDIS_PREFIX: z.string().min(1).max(64).default('signalbox').describe('What all keys in Redis begin with.'),
  SECRETS_MASTER_KEYS: z
    .string()
    .min(1)
    .describe('Keys that seal secrets at rest, as id:base64,id2:base64; the first seals, all open.'),
  EGRESS_ALLOW: z
    .string()
    .default('')
    .describe('Addresses (CIDR) and host names that may be called although the egress guard refuses them, by commas.'),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe('Proxies in front of the API whose X-Forwarded-For is believed; 0 believes nobody.'),
  BODY_BYTES_AT_ONCE_MAX: z.coerce
    .number()
    .int()
    .min(16 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe(
      'Bytes of all request bodies that are being worked on, at most half of them of one environment; past it, requests get 503. Memory is some four times it.',
    ),
  AUTH_FAILURES_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(300)
    .describe('Wrong keys that one address may send in a minute before it gets 429.'),
  MISSES_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(600)
    .describe('Ids that one environment may ask for in a minute and does not have, before such get 429.'),
})

/** The configuration of the ingest-api. */
export type IngestApiConfig = z.output<typeof configSchema>

/** Reads the configuration from the environment of the process. */
export function readIngestApiConfig(): IngestApiConfig {
  return readConfig(configSchema, process.env)
}
