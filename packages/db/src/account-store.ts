import { createId, type ExternalAccount, type JsonObject, type TenantScope } from '@signalbox/domain'
import { bumpDispatcherSet } from './bump-dispatcher-set.js'
import { endDispatchers } from './end-dispatchers.js'
import { existsElsewhere } from './exists-elsewhere.js'
import { Prisma, type PrismaClient } from './generated/client.js'
import { type Page, type PageQuery, toPage } from './page.js'
import { isUniqueViolation, runTransaction } from './run-outcome.js'

/** The external accounts of an environment, known by the tenant's own identifier. */
export interface AccountStore {
  /** Undefined when the identifier is taken. */
  createAccount(scope: TenantScope, account: NewAccount): Promise<ExternalAccount | undefined>
  putAccount(scope: TenantScope, account: NewAccount): Promise<{ account: ExternalAccount; isNew: boolean }>
  findAccount(scope: TenantScope, identifier: string): Promise<ExternalAccount | undefined>
  listAccounts(scope: TenantScope, query: PageQuery & { prefix?: string | undefined }): Promise<Page<ExternalAccount>>
  /** Replaces what is given. Undefined when there is no such account. */
  updateAccount(scope: TenantScope, identifier: string, change: AccountChange): Promise<ExternalAccount | undefined>
  /**
   * Its events stay, without an account; dispatchers bound to it end with it, in one transaction up to 5,000 of them. With
   * more, the account goes with the last: a call that is cut off in between has ended some, and is to be made again. False
   * when there is no such account.
   */
  deleteAccount(scope: TenantScope, identifier: string): Promise<boolean>
  isAccountElsewhere(scope: TenantScope, identifier: string): Promise<boolean>
}

/** An account as a caller describes it. */
export interface NewAccount {
  identifier: string
  metadata: JsonObject
}

/** What can be changed of an account. */
export interface AccountChange {
  metadata?: JsonObject | undefined
}

/** Events detached from an account in one statement: well below a second. */
const DETACH_BATCH_ROWS = 5_000

/** Makes the store of external accounts. */
export function createAccountStore(prisma: PrismaClient): AccountStore {
  return {
    createAccount: (scope, account) => createAccount(prisma, scope, account),
    putAccount: (scope, account) => putAccount(prisma, scope, account),
    findAccount: async (scope, identifier) => {
      const row = await prisma.externalAccount.findUnique({ where: whereAccount(scope, identifier) })
      return row === null ? undefined : toAccount(row)
    },
    listAccounts: (scope, query) => listAccounts(prisma, scope, query),
    updateAccount: (scope, identifier, change) => updateAccount(prisma, { scope, identifier }, change),
    deleteAccount: (scope, identifier) => deleteAccount(prisma, scope, identifier),
    isAccountElsewhere: (scope, id) => existsElsewhere(prisma, scope, { resource: 'external_account', id }),
  }
}

type AccountRow = Prisma.ExternalAccountGetPayload<object>

function toAccount(row: AccountRow): ExternalAccount {
  const { id, identifier, createdAt, updatedAt } = row
  return { id, identifier, metadata: row.metadata as JsonObject, createdAt, updatedAt }
}

function whereAccount(scope: TenantScope, identifier: string): Prisma.ExternalAccountWhereUniqueInput {
  const { organizationId, environmentId } = scope
  return { organizationId_environmentId_identifier: { organizationId, environmentId, identifier } }
}

async function createAccount(
  prisma: PrismaClient,
  scope: TenantScope,
  { identifier, metadata }: NewAccount,
): Promise<ExternalAccount | undefined> {
  const { organizationId, environmentId } = scope
  try {
    const data = {
      organizationId,
      environmentId,
      id: createId(),
      identifier,
      metadata: metadata as Prisma.InputJsonObject,
    }
    return toAccount(await prisma.externalAccount.create({ data }))
  } catch (error) {
    if (isUniqueViolation(error)) return undefined
    throw error
  }
}

async function putAccount(
  prisma: PrismaClient,
  scope: TenantScope,
  { identifier, metadata }: NewAccount,
): Promise<{ account: ExternalAccount; isNew: boolean }> {
  const id = createId()
  // external_accounts_identifier_key
  const rows = await prisma.$queryRaw<{ id: string; created_at: Date; updated_at: Date }[]>`
    insert into external_accounts (organization_id, environment_id, id, identifier, metadata)
    values (${scope.organizationId}::uuid, ${scope.environmentId}::uuid, ${id}::uuid, ${identifier},
      ${JSON.stringify(metadata)}::jsonb)
    on conflict (organization_id, environment_id, identifier) do update set metadata = excluded.metadata
    returning id, created_at, updated_at`
  const row = rows[0]
  if (row === undefined) throw new Error('an upsert returned no row')
  const account = { id: row.id, identifier, metadata, createdAt: row.created_at, updatedAt: row.updated_at }
  return { account, isNew: row.id === id }
}

async function listAccounts(
  prisma: PrismaClient,
  scope: TenantScope,
  { prefix, beforeId, limit }: PageQuery & { prefix?: string | undefined },
): Promise<Page<ExternalAccount>> {
  const before = beforeId === undefined ? Prisma.empty : Prisma.sql`and id < ${beforeId}::uuid`
  const withPrefix = prefix === undefined ? Prisma.empty : Prisma.sql`and starts_with(identifier, ${prefix})`
  // external_accounts_newest_idx, or external_accounts_identifier_key for a rare prefix
  const rows = await prisma.$queryRaw<ListedRow[]>`
    select id, identifier, metadata, created_at, updated_at from external_accounts
    where organization_id = ${scope.organizationId}::uuid and environment_id = ${scope.environmentId}::uuid
      ${before} ${withPrefix}
    order by id desc limit ${limit + 1}`
  const accounts = rows.map(({ id, identifier, metadata, created_at: createdAt, updated_at: updatedAt }) => ({
    id,
    identifier,
    metadata,
    createdAt,
    updatedAt,
  }))
  return toPage(accounts, limit)
}

interface ListedRow {
  id: string
  identifier: string
  metadata: JsonObject
  created_at: Date
  updated_at: Date
}

async function updateAccount(
  prisma: PrismaClient,
  { scope, identifier }: { scope: TenantScope; identifier: string },
  change: AccountChange,
): Promise<ExternalAccount | undefined> {
  const data = change.metadata === undefined ? {} : { metadata: change.metadata as Prisma.InputJsonObject }
  const { organizationId, environmentId } = scope
  const rows = await prisma.externalAccount.updateManyAndReturn({
    where: { organizationId, environmentId, identifier },
    data,
  })
  return rows[0] === undefined ? undefined : toAccount(rows[0])
}

async function deleteAccount(prisma: PrismaClient, scope: TenantScope, identifier: string): Promise<boolean> {
  const found = await prisma.externalAccount.findUnique({
    where: whereAccount(scope, identifier),
    select: { id: true },
  })
  if (found === null) return false
  await detachEvents(prisma, scope, found.id)
  for (let isFirst = true; ; isFirst = false) {
    const step = await runTransaction(prisma, async (tx) => {
      // Locked first: until the end of this transaction no dispatcher or event can be bound to it.
      const held = await tx.$queryRaw<object[]>`
        select 1 from external_accounts
        where organization_id = ${scope.organizationId}::uuid and id = ${found.id}::uuid for update`
      if (held.length === 0) return 'missing'
      const { endedIds, isLast } = await endDispatchers(tx, scope, { kind: 'account', id: found.id })
      if (isLast) await tx.externalAccount.delete({ where: whereAccount(scope, identifier) })
      if (endedIds.length > 0) await bumpDispatcherSet(tx, scope, endedIds)
      return isLast ? 'deleted' : 'more'
    })
    // Somebody else has deleted what we began to delete.
    if (step === 'missing') return !isFirst
    if (step === 'deleted') return true
  }
}

/**
 * The foreign key would do this too, but in one transaction, however many events there are. It is left those that are being
 * delivered at this moment: to wait for them, batch by batch, would be out of the order in which these are locked.
 */
async function detachEvents(prisma: PrismaClient, scope: TenantScope, accountId: string): Promise<void> {
  let changed: number
  do {
    // event_records_account_idx
    changed = await prisma.$executeRaw`
      update event_records set external_account_id = null
      where organization_id = ${scope.organizationId}::uuid and id in (
        select id from event_records
        where organization_id = ${scope.organizationId}::uuid and external_account_id = ${accountId}::uuid
        limit ${DETACH_BATCH_ROWS} for no key update skip locked)`
  } while (changed === DETACH_BATCH_ROWS)
}
