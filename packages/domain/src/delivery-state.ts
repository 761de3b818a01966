/** Where a delivery is. Spelled the same in code, database and API. */
export type DeliveryState = 'pending' | 'in_flight' | 'succeeded' | 'dead' | 'skipped' | 'cancelled'

/** Why a delivery ended without success. `dead` and `skipped` always carry one. */
export type EndReason =
  | 'attempts_exhausted'
  | 'gone'
  | 'address_refused'
  | 'dispatcher_disabled'
  | 'endpoint_disabled'
  | 'event_cancelled'
  | 'secret_unreadable'
  | 'expired'

/** All states, in the order of a delivery's life. */
export const DELIVERY_STATES: readonly DeliveryState[] = [
  'pending',
  'in_flight',
  'succeeded',
  'dead',
  'skipped',
  'cancelled',
]

/**
 * Which state may follow which. A retry, a parked delivery and a run-out lease go back to `pending`;
 * every ended state may go back there by replay. The picture in docs/delivery-states.md shows the same.
 */
export const DELIVERY_TRANSITIONS: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  pending: ['in_flight', 'skipped', 'cancelled'],
  in_flight: ['succeeded', 'pending', 'dead', 'skipped', 'cancelled'],
  succeeded: ['pending'],
  dead: ['pending'],
  skipped: ['pending'],
  cancelled: ['pending'],
}

/** Tells whether a delivery may move from one state to another. */
export function isTransitionAllowed(from: DeliveryState, to: DeliveryState): boolean {
  return DELIVERY_TRANSITIONS[from].includes(to)
}

/** Tells whether a delivery in this state waits for nothing more but a replay. */
export function isEnded(state: DeliveryState): boolean {
  return state !== 'pending' && state !== 'in_flight'
}
