import type { TenantScope } from '@signalbox/domain'
import type { Prisma } from './generated/client.js'

/**
 * Changes the version of an environment's dispatchers, in the transaction that changes one of them: workers then load
 * the set anew. The last statement of its transaction, because it locks the row that all changes of the set share.
 */
export async function bumpDispatcherSet(tx: Prisma.TransactionClient, scope: TenantScope): Promise<void> {
  // dispatcher_sets_pkey
  await tx.$executeRaw`
    insert into dispatcher_sets (organization_id, environment_id)
    values (${scope.organizationId}::uuid, ${scope.environmentId}::uuid)
    on conflict (organization_id, environment_id) do update set version = dispatcher_sets.version + 1`
}
