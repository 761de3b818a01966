import type { TenantScope } from '@signalbox/domain'
import type { Prisma } from './generated/client.js'
import {
  endBoundDispatchersSql,
  endDispatchersSql,
  findDispatchersOfAccountSql,
  findDispatchersOfEndpointSql,
  lockDispatchersOfAccountSql,
  lockDispatchersOfEndpointSql,
} from './sql/end-dispatchers.js'

/** Dispatchers that one transaction ends: well below a second, of the eight that the API gives a statement. */
const ENDED_AT_ONCE_MAX = 5_000

/** What dispatchers end with. */
export interface DispatcherOwner {
  kind: 'endpoint' | 'account'
  id: string
}

const STATEMENTS = {
  endpoint: { find: findDispatchersOfEndpointSql, lock: lockDispatchersOfEndpointSql, end: endDispatchersSql },
  account: { find: findDispatchersOfAccountSql, lock: lockDispatchersOfAccountSql, end: endBoundDispatchersSql },
}

/**
 * Ends dispatchers of an endpoint or an account that the transaction holds, so that no more come to it. Gives those that
 * ended: the version of their set is still to be made new. `isLast` when none is left, so that their owner can go too.
 */
export async function endDispatchers(
  tx: Prisma.TransactionClient,
  { organizationId, environmentId }: TenantScope,
  { kind, id }: DispatcherOwner,
): Promise<{ endedIds: string[]; isLast: boolean }> {
  const { find, lock, end } = STATEMENTS[kind]
  const query = [organizationId, environmentId, id, ENDED_AT_ONCE_MAX]
  const found = (await tx.$queryRawUnsafe<{ id: string }[]>(find, ...query)).map((row) => row.id)
  if (found.length === 0) return { endedIds: [], isLast: true }
  // Between the two statements others may have been ended or changed.
  const held = await tx.$queryRawUnsafe<{ id: string; is_its: boolean | null }[]>(lock, organizationId, found, id)
  const endedIds = held.filter((row) => row.is_its).map((row) => row.id)
  if (endedIds.length > 0) await tx.$executeRawUnsafe(end, organizationId, endedIds)
  return { endedIds, isLast: found.length < ENDED_AT_ONCE_MAX }
}
