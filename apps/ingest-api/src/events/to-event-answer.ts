import type { AcceptedEvent } from '@signalbox/domain'

/** An event as callers see it: their id, never ours. Dates are written by JSON. */
export function toEventAnswer(event: AcceptedEvent) {
  return {
    id: event.eventId,
    name: event.name,
    payload: event.payload,
    context: event.context,
    timestamp: event.timestamp,
    deliverAt: event.deliverAt,
    deliveredAt: event.deliveredAt,
    cancelledAt: event.cancelledAt,
  }
}
