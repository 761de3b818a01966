import type { deliveryDetailsSchema, deliverySchema } from '@signalbox/api-contract'
import type { DeliveryWithAttempts, ListedDelivery } from '@signalbox/db'
import type { z } from 'zod'

/** A delivery as the API answers it. */
export function showDelivery(delivery: ListedDelivery): z.input<typeof deliverySchema> {
  const { nextAttemptAt, settledAt, createdAt, updatedAt } = delivery
  return {
    id: delivery.id,
    eventId: delivery.eventId,
    eventName: delivery.eventName,
    dispatcherId: delivery.dispatcherId,
    endpointId: delivery.endpointId,
    state: delivery.state,
    attemptCount: delivery.attemptCount,
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    reason: delivery.reason,
    lastError: delivery.lastError,
    lastStatus: delivery.lastStatus,
    settledAt: settledAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** A delivery with its attempts as the API answers it. */
export function showDeliveryDetails(delivery: DeliveryWithAttempts): z.input<typeof deliveryDetailsSchema> {
  const attempts = delivery.attempts.map((attempt) => ({ ...attempt, startedAt: attempt.startedAt.toISOString() }))
  return { ...showDelivery(delivery), attempts }
}
