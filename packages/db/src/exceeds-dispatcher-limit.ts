import type { TenantScope } from '@signalbox/domain'
import type { Prisma } from './generated/client.js'
import { readLimits } from './read-limits.js'

/**
 * Tells whether an environment has more dispatchers than it may have, in the transaction that made one: how many an
 * event may go to, and how long it takes to load them all, have an end. Transactions at the same moment don't see each
 * other's, so the limit may be passed by as many as are being made at one time.
 */
export async function exceedsDispatcherLimit(tx: Prisma.TransactionClient, scope: TenantScope): Promise<boolean> {
  const { organizationId, environmentId } = scope
  const environment = await tx.runtimeEnvironment.findUnique({
    where: { organizationId_id: { organizationId, id: environmentId } },
    select: { limits: true },
  })
  const { dispatchersMax } = readLimits(environment?.limits)
  // event_dispatchers_newest_idx
  const rows = await tx.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from (
      select from event_dispatchers
      where organization_id = ${organizationId}::uuid and environment_id = ${environmentId}::uuid
        and deleted_at is null and (expires_at is null or expires_at > now())
      limit ${dispatchersMax + 1}) live`
  return (rows[0]?.count ?? 0) > dispatchersMax
}
