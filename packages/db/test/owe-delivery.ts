import type { NewEvent, TenantScope } from '@signalbox/domain'
import { createId } from '@signalbox/domain'
import { makeEvent } from '@signalbox/testkit'
import { createAcceptStore, createDeliverStore, type Database } from '../src/index.js'

/** A pending delivery, as queue jobs refer to it. */
export interface OwedDelivery {
  organizationId: string
  dispatcherId: string
  deliveryId: string
  attemptCount: number
  eventRecordId: string
}

/** Accepts an event and writes its delivery to one dispatcher. */
export async function oweDelivery(
  database: Database,
  to: TenantScope & { dispatcherId: string },
  more: Partial<NewEvent> = {},
): Promise<OwedDelivery> {
  const { dispatcherId, ...scope } = to
  const event = makeEvent(more)
  const scoped = { ...scope, event, externalAccountId: null, accountIdentifier: more.accountId ?? null }
  await createAcceptStore(database).acceptGroup([scoped], false)
  const delivery = { id: createId(), eventRecordId: event.id, dispatcherId, once: false }
  const decision = { ...scope, eventRecordId: event.id, deliveries: [delivery], fanoutLimited: 0, failure: null }
  const [ref] = await createDeliverStore(database).writeDeliveries([decision])
  if (ref === undefined) throw new Error('the delivery was not written')
  return { ...ref, eventRecordId: event.id }
}
