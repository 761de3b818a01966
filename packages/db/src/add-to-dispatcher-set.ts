import type { TenantScope } from '@signalbox/domain'
import { bumpDispatcherSet } from './bump-dispatcher-set.js'
import type { Prisma } from './generated/client.js'
import { readLimits } from './read-limits.js'
import { settleEndedSql } from './sql/dispatcher-sets.js'

/** Ended dispatchers whose places one refusal takes back: one would do, and the next refusals are spared. */
const SETTLED_MAX = 1_000

/** Dispatchers of everybody that ran out and are looked at for some of this environment's. */
const EXPIRED_SCANNED_MAX = 10_000

/**
 * Makes the version of an environment's dispatchers new after one was made, and tells whether the environment may have it;
 * the last step of its transaction, which is to be rolled back when it may not.
 *
 * The number is a column of the row that the transaction holds from here on, so it is exact however many are made at the
 * same time, and costs nothing to know. Ephemeral dispatchers that were used up or ran out still stand in it, because to
 * take them out at once would have every worker wait for that row: their places are taken back here, when one is needed.
 */
export async function addToDispatcherSet(
  tx: Prisma.TransactionClient,
  scope: TenantScope,
  newId: string,
): Promise<boolean> {
  const { organizationId, environmentId } = scope
  const liveCount = await bumpDispatcherSet(tx, scope, [newId])
  const environment = await tx.runtimeEnvironment.findUnique({
    where: { organizationId_id: { organizationId, id: environmentId } },
    select: { limits: true },
  })
  const { dispatchersMax } = readLimits(environment?.limits)
  if (liveCount <= dispatchersMax) return true
  const values = [organizationId, environmentId, SETTLED_MAX, EXPIRED_SCANNED_MAX]
  const rows = await tx.$queryRawUnsafe<{ live_count: number }[]>(settleEndedSql, ...values)
  return (rows[0]?.live_count ?? liveCount) <= dispatchersMax
}
