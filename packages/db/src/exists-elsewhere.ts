import type { TenantScope } from '@signalbox/domain'
import type { PrismaClient } from './generated/client.js'
import { Prisma } from './generated/client.js'

/** The kinds of resource that a caller can name by an id that may be someone else's. */
export type NamedResource = 'external_account' | 'event_dispatcher' | 'webhook_endpoint' | 'delivery'

/**
 * Whether a resource that the scope does not have belongs to another environment or organization: what parts 403 from
 * 404. No index holds the bare id (constraints begin with the tenant), so each tenant's own index is probed.
 */
export async function existsElsewhere(
  prisma: Pick<PrismaClient, '$queryRaw'>,
  scope: TenantScope,
  named: { resource: NamedResource; id: string },
): Promise<boolean> {
  const rows = await prisma.$queryRaw<{ found: boolean }[]>(
    Prisma.sql`select exists (${SELECTS[named.resource](scope, named.id)}) as found`,
  )
  return rows[0]?.found === true
}

const SELECTS: Record<NamedResource, (scope: TenantScope, id: string) => Prisma.Sql> = {
  // external_accounts_identifier_key
  external_account: (scope, identifier) => Prisma.sql`
    select 1 from runtime_environments e
    where not (e.organization_id = ${scope.organizationId}::uuid and e.id = ${scope.environmentId}::uuid)
      and exists (
        select 1 from external_accounts r
        where r.organization_id = e.organization_id and r.environment_id = e.id and r.identifier = ${identifier})`,
  // event_dispatchers_pkey
  event_dispatcher: (scope, id) => selectById('event_dispatchers', 'and r.deleted_at is null', { scope, id }),
  // webhook_endpoints_pkey
  webhook_endpoint: (scope, id) => selectById('webhook_endpoints', 'and r.deleted_at is null', { scope, id }),
  // deliveries_pkey
  delivery: (scope, id) => selectById('deliveries', '', { scope, id }),
}

function selectById(table: string, condition: string, { scope, id }: { scope: TenantScope; id: string }): Prisma.Sql {
  return Prisma.sql`
    select 1 from organizations o
    where exists (
      select 1 from ${Prisma.raw(table)} r
      where r.organization_id = o.id and r.id = ${id}::uuid ${Prisma.raw(condition)}
        and not (r.organization_id = ${scope.organizationId}::uuid and r.environment_id = ${scope.environmentId}::uuid))`
}
