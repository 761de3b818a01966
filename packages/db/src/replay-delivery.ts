import { type DeliveryRef, type DeliveryState, isEnded, isTransitionAllowed, type TenantScope } from '@signalbox/domain'
import type { Prisma, PrismaClient } from './generated/client.js'
import { runOutcome } from './run-outcome.js'

/** How starting a delivery over ended. */
export type ReplayOutcome =
  | { readonly ok: true; readonly delivery: DeliveryRef }
  | { readonly ok: false; readonly code: 'missing' }
  | { readonly ok: false; readonly code: 'dispatcher_deleted' }
  /** It is pending or in flight, or became so at this moment; `nextAttemptAt` when it waits for an attempt. */
  | { readonly ok: false; readonly code: 'not_ended'; readonly nextAttemptAt: Date | null }

/** Starts an ended delivery over: a new run of attempts, due at once, and noted for the scheduler. */
export async function replayDelivery(prisma: PrismaClient, scope: TenantScope, id: string): Promise<ReplayOutcome> {
  return await runOutcome(prisma, async (tx): Promise<ReplayOutcome> => {
    // deliveries_pkey, event_dispatchers_pkey
    const rows = await tx.$queryRaw<{ state: DeliveryState; next_attempt_at: Date | null; is_deleted: boolean }[]>`
      select d.state, d.next_attempt_at, p.deleted_at is not null as is_deleted
      from deliveries d
      join event_dispatchers p on p.organization_id = d.organization_id and p.id = d.dispatcher_id
      where d.organization_id = ${scope.organizationId}::uuid and d.environment_id = ${scope.environmentId}::uuid
        and d.id = ${id}::uuid`
    const found = rows[0]
    if (found === undefined) return { ok: false, code: 'missing' }
    if (!isEnded(found.state) || !isTransitionAllowed(found.state, 'pending')) {
      const nextAttemptAt = found.state === 'pending' ? found.next_attempt_at : null
      return { ok: false, code: 'not_ended', nextAttemptAt }
    }
    if (found.is_deleted) return { ok: false, code: 'dispatcher_deleted' }
    const delivery = await startOver(tx, scope, { id, from: found.state })
    return delivery === undefined ? { ok: false, code: 'not_ended', nextAttemptAt: null } : { ok: true, delivery }
  })
}

async function startOver(
  tx: Prisma.TransactionClient,
  { organizationId, environmentId }: TenantScope,
  { id, from }: { id: string; from: DeliveryState },
): Promise<DeliveryRef | undefined> {
  // deliveries_pkey, delivery_outbox_pkey; no row means that someone else was first
  const rows = await tx.$queryRaw<{ dispatcher_id: string; attempt_count: number }[]>`
    with started as (
      update deliveries
      set state = 'pending', attempt_offset = attempt_count, next_attempt_at = now(), lease_until = null,
        reason = null, settled_at = null
      where organization_id = ${organizationId}::uuid and environment_id = ${environmentId}::uuid
        and id = ${id}::uuid and state = ${from}
      returning organization_id, id, dispatcher_id, attempt_count
    ), noted as (
      insert into delivery_outbox (organization_id, delivery_id, dispatcher_id, wake_at)
      select organization_id, id, dispatcher_id, now() from started
      on conflict (organization_id, delivery_id) do update set wake_at = excluded.wake_at
    )
    select dispatcher_id, attempt_count from started`
  const row = rows[0]
  if (row === undefined) return undefined
  return { organizationId, dispatcherId: row.dispatcher_id, deliveryId: id, attemptCount: row.attempt_count }
}
