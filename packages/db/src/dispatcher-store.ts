import { createId, type FilterLanguage, type JsonObject, type TenantScope } from '@signalbox/domain'
import { addToDispatcherSet } from './add-to-dispatcher-set.js'
import { bumpDispatcherSet } from './bump-dispatcher-set.js'
import {
  type Dispatchable,
  dispatcherInclude,
  type StoredDispatcher,
  toJsonInput,
  toStoredDispatcher,
  whereLiveDispatcher,
} from './dispatcher-row.js'
import { createEphemeral, type EphemeralOutcome, type NewEphemeral } from './create-ephemeral.js'
import { existsElsewhere } from './exists-elsewhere.js'
import type { Prisma, PrismaClient } from './generated/client.js'
import { type Page, type PageQuery, toPage } from './page.js'
import { type AccountWish, resolveAccount } from './resolve-account.js'
import { isUniqueViolation, runOutcome, runTransaction } from './run-outcome.js'
import type { SecretBox } from './secret-box.js'

/** The dispatchers of an environment. Every change of one changes the version of its environment's set. */
export interface DispatcherStore {
  createDispatcher(scope: TenantScope, dispatcher: NewDispatcher): Promise<DispatcherOutcome>
  /** One POST of the first event that matches; the same wish again is the same dispatcher. */
  createEphemeralDispatcher(scope: TenantScope, ephemeral: NewEphemeral): Promise<EphemeralOutcome>
  findDispatcher(scope: TenantScope, id: string): Promise<StoredDispatcher | undefined>
  listDispatchers(scope: TenantScope, query: PageQuery): Promise<Page<StoredDispatcher>>
  updateDispatcher(scope: TenantScope, id: string, change: DispatcherChange): Promise<DispatcherOutcome>
  /** False when there is no such dispatcher. The row stays for the deliveries that refer to it. */
  deleteDispatcher(scope: TenantScope, id: string): Promise<boolean>
  isDispatcherElsewhere(scope: TenantScope, id: string): Promise<boolean>
}

/** A dispatcher as a caller describes it, validated. */
export interface NewDispatcher {
  eventNames: string[]
  source: string
  payloadFilter: JsonObject | null
  /** Absent, it is our own. */
  filterLanguage?: FilterLanguage | undefined
  contextFilter: JsonObject | null
  manual: boolean
  enabled: boolean
  account: AccountWish | null
  dispatchable: Dispatchable
  /** Unique in the environment; absent, it is the dispatchable's own id. */
  dispatchableId?: string | undefined
}

/** What is to change; null clears. */
export type DispatcherChange = { [Key in keyof NewDispatcher]?: NewDispatcher[Key] | undefined }

/** How writing a dispatcher ended. */
export type DispatcherOutcome =
  | { readonly ok: true; readonly dispatcher: StoredDispatcher }
  | { readonly ok: false; readonly code: DispatcherRefusal }

/** Why a dispatcher is not written. */
export type DispatcherRefusal =
  | 'missing'
  /** Another dispatcher has this dispatchable id. */
  | 'conflict'
  | 'unknown_account'
  /** The webhook endpoint exists nowhere, or with someone else. */
  | 'unknown_endpoint'
  | 'foreign_endpoint'
  /** What an ephemeral dispatcher invokes is fixed. */
  | 'ephemeral_fixed'
  /** The environment has as many dispatchers as it may have. */
  | 'limit_exceeded'

/** The dispatchable that refers to a row of `webhook_endpoints`. */
const WEBHOOK = 'WEBHOOK'
const EPHEMERAL = 'EPHEMERAL'

/** Makes the store of dispatchers. */
export function createDispatcherStore(prisma: PrismaClient, secretBox: SecretBox): DispatcherStore {
  return {
    createDispatcher: (scope, dispatcher) => createDispatcher(prisma, scope, dispatcher),
    createEphemeralDispatcher: (scope, ephemeral) => createEphemeral({ prisma, secretBox }, scope, ephemeral),
    findDispatcher: async (scope, id) => {
      const row = await prisma.eventDispatcher.findFirst({
        where: { ...whereLiveDispatcher(scope), id },
        include: dispatcherInclude,
      })
      return row === null ? undefined : toStoredDispatcher(row)
    },
    listDispatchers: (scope, query) => listDispatchers(prisma, scope, query),
    updateDispatcher: (scope, id, change) => updateDispatcher(prisma, { scope, id }, change),
    deleteDispatcher: (scope, id) => deleteDispatcher(prisma, scope, id),
    isDispatcherElsewhere: (scope, id) => existsElsewhere(prisma, scope, { resource: 'event_dispatcher', id }),
  }
}

async function createDispatcher(
  prisma: PrismaClient,
  scope: TenantScope,
  input: NewDispatcher,
): Promise<DispatcherOutcome> {
  return await refuseDuplicates(async () =>
    runOutcome(prisma, async (tx) => {
      const account = await findAccount(tx, scope, input.account)
      if (!account.ok) return account
      const refusal = await findEndpointRefusal(tx, scope, input.dispatchable)
      if (refusal !== undefined) return { ok: false, code: refusal }
      const row = await tx.eventDispatcher.create({
        data: {
          organizationId: scope.organizationId,
          environmentId: scope.environmentId,
          id: createId(),
          eventNames: input.eventNames,
          source: input.source,
          payloadFilter: toJsonInput(input.payloadFilter),
          ...(input.filterLanguage !== undefined && { filterLanguage: input.filterLanguage }),
          contextFilter: toJsonInput(input.contextFilter),
          manual: input.manual,
          enabled: input.enabled,
          dispatchableType: input.dispatchable.type,
          dispatchableId: input.dispatchableId ?? readOwnId(input.dispatchable),
          dispatchable: input.dispatchable as Prisma.InputJsonObject,
          externalAccountId: account.id,
        },
        include: dispatcherInclude,
      })
      if (!(await addToDispatcherSet(tx, scope, row.id))) return { ok: false, code: 'limit_exceeded' }
      return { ok: true, dispatcher: toStoredDispatcher(row) }
    }),
  )
}

async function refuseDuplicates(write: () => Promise<DispatcherOutcome>): Promise<DispatcherOutcome> {
  try {
    return await write()
  } catch (error) {
    // event_dispatchers_dispatchable_key
    if (isUniqueViolation(error)) return { ok: false, code: 'conflict' }
    throw error
  }
}

function readOwnId(dispatchable: Dispatchable): string {
  const { id } = dispatchable
  if (typeof id !== 'string') throw new TypeError(`a dispatchable ${dispatchable.type} came without an id`)
  return id
}

type FoundAccount = { ok: true; id: string | null } | { ok: false; code: 'unknown_account' }

async function findAccount(
  tx: Prisma.TransactionClient,
  scope: TenantScope,
  wish: AccountWish | null,
): Promise<FoundAccount> {
  if (wish === null) return { ok: true, id: null }
  const id = await resolveAccount(tx, scope, wish)
  return id === undefined ? { ok: false, code: 'unknown_account' } : { ok: true, id }
}

async function findEndpointRefusal(
  tx: Prisma.TransactionClient,
  scope: TenantScope,
  dispatchable: Dispatchable,
): Promise<'unknown_endpoint' | 'foreign_endpoint' | undefined> {
  if (dispatchable.type !== WEBHOOK) return undefined
  const id = readOwnId(dispatchable)
  // webhook_endpoints_pkey; locked, so that it can't be deleted before the dispatcher is there
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from webhook_endpoints
    where organization_id = ${scope.organizationId}::uuid and environment_id = ${scope.environmentId}::uuid
      and id = ${id}::uuid and deleted_at is null
    for share`
  if (rows.length > 0) return undefined
  const isElsewhere = await existsElsewhere(tx, scope, { resource: 'webhook_endpoint', id })
  return isElsewhere ? 'foreign_endpoint' : 'unknown_endpoint'
}

async function listDispatchers(
  prisma: PrismaClient,
  scope: TenantScope,
  { beforeId, limit }: PageQuery,
): Promise<Page<StoredDispatcher>> {
  // event_dispatchers_newest_idx
  const rows = await prisma.eventDispatcher.findMany({
    where: { ...whereLiveDispatcher(scope), ...(beforeId !== undefined && { id: { lt: beforeId } }) },
    include: dispatcherInclude,
    orderBy: { id: 'desc' },
    take: limit + 1,
  })
  return toPage(rows.map(toStoredDispatcher), limit)
}

async function updateDispatcher(
  prisma: PrismaClient,
  { scope, id }: { scope: TenantScope; id: string },
  change: DispatcherChange,
): Promise<DispatcherOutcome> {
  return await refuseDuplicates(async () =>
    runOutcome(prisma, async (tx) => {
      const account = await findAccount(tx, scope, change.account ?? null)
      if (!account.ok) return account
      const refusal = change.dispatchable && (await findEndpointRefusal(tx, scope, change.dispatchable))
      if (refusal !== undefined) return { ok: false, code: refusal }
      // event_dispatchers_pkey; locked, because what is written depends on what was there
      await tx.$queryRaw`
        select 1 from event_dispatchers
        where organization_id = ${scope.organizationId}::uuid and id = ${id}::uuid for update`
      const current = await tx.eventDispatcher.findFirst({ where: { ...whereLiveDispatcher(scope), id } })
      if (current === null) return { ok: false, code: 'missing' }
      const isFixed = current.dispatchableType === EPHEMERAL
      if (isFixed && (change.dispatchable !== undefined || change.dispatchableId !== undefined)) {
        return { ok: false, code: 'ephemeral_fixed' }
      }
      const row = await tx.eventDispatcher.update({
        where: { organizationId_id: { organizationId: scope.organizationId, id } },
        data: {
          ...toUpdate(change),
          ...toDispatchableUpdate(change, { ...current, dispatchable: current.dispatchable as Dispatchable }),
          ...(change.account !== undefined && { externalAccountId: account.id }),
        },
        include: dispatcherInclude,
      })
      await bumpDispatcherSet(tx, scope, [id])
      return { ok: true, dispatcher: toStoredDispatcher(row) }
    }),
  )
}

function toUpdate(change: DispatcherChange): Prisma.EventDispatcherUncheckedUpdateInput {
  const { eventNames, source, payloadFilter, filterLanguage, contextFilter, manual, enabled } = change
  return {
    ...(eventNames !== undefined && { eventNames }),
    ...(source !== undefined && { source }),
    ...(payloadFilter !== undefined && { payloadFilter: toJsonInput(payloadFilter) }),
    ...(filterLanguage !== undefined && { filterLanguage }),
    ...(contextFilter !== undefined && { contextFilter: toJsonInput(contextFilter) }),
    ...(manual !== undefined && { manual }),
    ...(enabled !== undefined && { enabled }),
  }
}

/** A dispatchable id that was the dispatchable's own follows it; one that the caller chose stays. */
function toDispatchableUpdate(
  { dispatchable, dispatchableId }: DispatcherChange,
  current: { dispatchable: Dispatchable; dispatchableId: string },
): Prisma.EventDispatcherUncheckedUpdateInput {
  if (dispatchable === undefined) return dispatchableId === undefined ? {} : { dispatchableId }
  const isOwnId = current.dispatchable['id'] === current.dispatchableId
  return {
    dispatchableType: dispatchable.type,
    dispatchable: dispatchable as Prisma.InputJsonObject,
    dispatchableId: dispatchableId ?? (isOwnId ? readOwnId(dispatchable) : current.dispatchableId),
  }
}

async function deleteDispatcher(prisma: PrismaClient, scope: TenantScope, id: string): Promise<boolean> {
  return await runTransaction(prisma, async (tx) => {
    const { count } = await tx.eventDispatcher.updateMany({
      where: { ...whereLiveDispatcher(scope), id },
      data: { deletedAt: new Date() },
    })
    if (count > 0) await bumpDispatcherSet(tx, scope, [id])
    return count > 0
  })
}
