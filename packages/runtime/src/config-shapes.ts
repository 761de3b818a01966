import { z } from 'zod'
import { LOG_LEVELS } from './create-logger.js'

const PORT_MAX = 65_535
const SHUTDOWN_GRACE_MS_DEFAULT = 25_000

/** Variables of every process; spread it into the schema of an app. */
export const runtimeConfigShape = {
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('The least severe level that is logged.'),
  SHUTDOWN_GRACE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(SHUTDOWN_GRACE_MS_DEFAULT)
    .describe('How long work in flight may take to finish after SIGTERM or SIGINT, in milliseconds.'),
}

/** Variables of a process whose health and metrics have a port of their own. */
export const healthConfigShape = {
  HEALTH_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(PORT_MAX)
    .default(9090)
    .describe('Port of /health/live, /health/ready and /metrics.'),
  HEALTH_HOST: z.string().default('0.0.0.0').describe('Address on which health and metrics are served.'),
}
