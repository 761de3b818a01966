import { createId, type TenantScope } from '@signalbox/domain'
import type { Prisma } from './generated/client.js'

/** The account that a dispatcher shall be bound to. */
export interface AccountWish {
  identifier: string
  /** Whether an unknown one is made; the environment's setting says so. */
  createIfMissing: boolean
}

/** Finds, or makes, the account of an identifier, and keeps it from being deleted until the transaction ends. */
export async function resolveAccount(
  tx: Prisma.TransactionClient,
  scope: TenantScope,
  { identifier, createIfMissing }: AccountWish,
): Promise<string | undefined> {
  // external_accounts_identifier_key
  const found = await tx.$queryRaw<{ id: string }[]>`
    select id from external_accounts
    where organization_id = ${scope.organizationId}::uuid and environment_id = ${scope.environmentId}::uuid
      and identifier = ${identifier}
    for key share`
  if (found[0] !== undefined || !createIfMissing) return found[0]?.id
  // An update that changes nothing locks, and returns, the row that another transaction has made meanwhile.
  const made = await tx.$queryRaw<{ id: string }[]>`
    insert into external_accounts (organization_id, environment_id, id, identifier)
    values (${scope.organizationId}::uuid, ${scope.environmentId}::uuid, ${createId()}::uuid, ${identifier})
    on conflict (organization_id, environment_id, identifier) do update set identifier = excluded.identifier
    returning id`
  return made[0]?.id
}
