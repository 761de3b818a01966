import { DEFAULT_LIMITS, type EnvironmentLimits } from '@signalbox/domain'
import { z } from 'zod'

// A limit that is no whole number is as good as not set: it must not lock a tenant out, nor stop its deliveries.
const limitsSchema = z.object(
  Object.fromEntries(
    Object.entries(DEFAULT_LIMITS).map(([name, value]) => [name, z.int().min(0).default(value).catch(value)]),
  ) as Record<keyof EnvironmentLimits, z.ZodCatch<z.ZodDefault<z.ZodInt>>>,
)

/** Reads the limits of an environment as they stand in its row; what is not set, or not a limit, is the default. */
export function readLimits(column: unknown): EnvironmentLimits {
  return limitsSchema.catch(DEFAULT_LIMITS).parse(column)
}
