import type { TenantScope } from '@signalbox/domain'
import type { Prisma } from './generated/client.js'
import { bumpDispatcherSetSql } from './sql/dispatcher-sets.js'

/**
 * Gives an environment's dispatchers a new version, in the transaction that changed some of them, and stamps these with
 * it: workers then load what changed. Gives the number of live ones. The last step of its transaction, because it locks the
 * row that all changes of the set share: whoever sees a version sees every row that was stamped with it or before.
 */
export async function bumpDispatcherSet(
  tx: Prisma.TransactionClient,
  { organizationId, environmentId }: TenantScope,
  changedIds: readonly string[],
): Promise<number> {
  const values = [organizationId, environmentId, changedIds]
  const rows = await tx.$queryRawUnsafe<{ live_count: number }[]>(bumpDispatcherSetSql, ...values)
  if (rows[0] === undefined) throw new Error('a bump returned no row')
  return rows[0].live_count
}
