import { DELIVERY_STATES, type DeliveryState } from '@signalbox/domain'
import { z } from 'zod'
import { attemptSchema } from './event-delivery.js'
import { dateInputSchema, dateOutputSchema, textSchema } from './fields.js'
import { pageQueryShape, pageSchema } from './page.js'

/** Where a delivery is. */
export const deliveryStateSchema = z.enum([...DELIVERY_STATES] as [DeliveryState, ...DeliveryState[]])

/** A delivery: one event owed to one dispatcher. */
export const deliverySchema = z
  .object({
    id: z.string().describe('the `webhook-id` of all of its attempts'),
    eventId: z.string().describe("the caller's id of the event"),
    eventName: z.string(),
    dispatcherId: z.string(),
    endpointId: z.string().nullable().describe('the webhook endpoint; null for other dispatchables'),
    state: deliveryStateSchema,
    attemptCount: z.int(),
    nextAttemptAt: dateOutputSchema.nullable(),
    reason: z.string().nullable().describe('why it ended without success'),
    lastError: z.string().nullable(),
    lastStatus: z.int().nullable(),
    settledAt: dateOutputSchema.nullable(),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
  })
  .meta({ id: 'Delivery' })

/** A delivery with its attempts. */
export const deliveryDetailsSchema = deliverySchema
  .extend({ attempts: z.array(attemptSchema).describe('oldest first; of many, the newest 200') })
  .meta({ id: 'DeliveryDetails' })

/** The answer of `GET /api/v1/deliveries`. */
export const deliveryListSchema = pageSchema(deliverySchema)

/** Query of `GET /api/v1/deliveries`. */
export const deliveryListQuerySchema = z.strictObject({
  ...pageQueryShape,
  state: deliveryStateSchema.optional(),
  endpointId: z.uuid().toLowerCase().optional().describe('to this webhook endpoint'),
  dispatcherId: z.uuid().optional(),
  eventId: textSchema(255).optional().describe("of this event, by the caller's id"),
  eventName: textSchema(256).optional().describe('exact, or a prefix that ends in `*`'),
  from: dateInputSchema.optional().describe('made at or after'),
  to: dateInputSchema.optional().describe('made before'),
  responseStatus: z.coerce.number().int().min(100).max(599).optional().describe('of the last attempt'),
})
