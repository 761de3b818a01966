import { DELIVERY_STATES, type DeliveryState } from '@signalbox/domain'
import { z } from 'zod'
import { dateOutputSchema, jsonOutputSchema } from './fields.js'

/** One try at a delivery. */
export const attemptSchema = z
  .object({
    number: z.int().describe('from 1; goes on when the delivery is replayed'),
    startedAt: dateOutputSchema,
    durationMs: z.int(),
    outcome: z.string(),
    responseStatus: z.int().nullable(),
    responseHeaders: jsonOutputSchema,
    responseBody: z.string().nullable().describe('its beginning'),
    errorCode: z.string().nullable(),
    errorDetail: z.string().nullable(),
    address: z.string().nullable().describe('the address that was dialled'),
  })
  .meta({ id: 'EventDeliveryAttempt' })

/** What one dispatcher got of an event. */
export const eventDeliverySchema = z
  .object({
    id: z.string(),
    dispatcherId: z.string(),
    dispatchable: z.object({ type: z.string(), id: z.string() }),
    state: z.enum([...DELIVERY_STATES] as [DeliveryState, ...DeliveryState[]]),
    attemptCount: z.int(),
    nextAttemptAt: dateOutputSchema.nullable(),
    reason: z.string().nullable().describe('why it ended without success'),
    lastError: z.string().nullable(),
    lastStatus: z.int().nullable(),
    settledAt: dateOutputSchema.nullable(),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
    attempts: z.array(attemptSchema).describe('oldest first; of many, the newest 50'),
  })
  .meta({ id: 'EventDelivery' })
