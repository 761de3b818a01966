import { createId, type TenantScope } from '@signalbox/domain'
import { addToDispatcherSet } from './add-to-dispatcher-set.js'
import { bumpDispatcherSet } from './bump-dispatcher-set.js'
import { dispatcherInclude, toStoredDispatcher, whereLiveDispatcher } from './dispatcher-row.js'
import {
  type EndpointRow,
  endpointIdentity,
  sealHeaders,
  sealSecrets,
  type StoredEndpoint,
  toStoredEndpoint,
} from './endpoint-row.js'
import { createSubscription } from './create-subscription.js'
import { endDispatchers } from './end-dispatchers.js'
import type { EndpointChange, NewEndpoint, Rotation } from './endpoint-input.js'
import { existsElsewhere } from './exists-elsewhere.js'
import { Prisma, type PrismaClient } from './generated/client.js'
import { type Page, type PageQuery, toPage } from './page.js'
import { resolveAccount } from './resolve-account.js'
import { rotateSecret, type RotateOutcome } from './rotate-secret.js'
import { runOutcome, runTransaction } from './run-outcome.js'
import type { SecretBox } from './secret-box.js'
import { DISABLED_ON_REQUEST, updateEndpoint, type UpdateEndpointOutcome } from './update-endpoint.js'

/** The webhook endpoints of an environment, each with the dispatcher that was made with it. */
export interface EndpointStore {
  createEndpoint(scope: TenantScope, endpoint: NewEndpoint): Promise<CreateEndpointOutcome>
  findEndpoint(scope: TenantScope, id: string): Promise<StoredEndpoint | undefined>
  listEndpoints(scope: TenantScope, query: PageQuery): Promise<Page<StoredEndpoint>>
  updateEndpoint(scope: TenantScope, id: string, change: EndpointChange): Promise<UpdateEndpointOutcome>
  /** The new secret is the current one; the ones before sign on for the overlap. */
  rotateSecret(scope: TenantScope, id: string, rotation: Rotation): Promise<RotateOutcome>
  /**
   * Ends every dispatcher that sends there, in one transaction up to 5,000 of them. With more, the endpoint is disabled
   * with the first of them and deleted with the last: a call that is cut off in between is to be made again. False when
   * there is no such endpoint.
   */
  deleteEndpoint(scope: TenantScope, id: string): Promise<boolean>
  isEndpointElsewhere(scope: TenantScope, id: string): Promise<boolean>
}

/** How making an endpoint ended. */
export type CreateEndpointOutcome =
  | { readonly ok: true; readonly endpoint: StoredEndpoint }
  | { readonly ok: false; readonly code: 'unknown_account' | 'limit_exceeded' }

/** Makes the store of webhook endpoints. */
export function createEndpointStore(prisma: PrismaClient, secretBox: SecretBox): EndpointStore {
  const deps = { prisma, secretBox }
  return {
    createEndpoint: (scope, endpoint) => createEndpoint(deps, scope, endpoint),
    findEndpoint: (scope, id) => findEndpoint(deps, scope, id),
    listEndpoints: (scope, query) => listEndpoints(deps, scope, query),
    updateEndpoint: (scope, id, change) => updateEndpoint(deps, { scope, id }, change),
    rotateSecret: (scope, id, rotation) => rotateSecret(deps, { scope, id }, rotation),
    deleteEndpoint: (scope, id) => deleteEndpoint(prisma, scope, id),
    isEndpointElsewhere: (scope, id) => existsElsewhere(prisma, scope, { resource: 'webhook_endpoint', id }),
  }
}

interface EndpointDeps {
  prisma: PrismaClient
  secretBox: SecretBox
}

async function createEndpoint(
  { prisma, secretBox }: EndpointDeps,
  scope: TenantScope,
  { settings, secret, subscription }: NewEndpoint,
): Promise<CreateEndpointOutcome> {
  const { organizationId, environmentId } = scope
  return await runOutcome(prisma, async (tx): Promise<CreateEndpointOutcome> => {
    const accountId = subscription.account === null ? null : await resolveAccount(tx, scope, subscription.account)
    if (accountId === undefined) return { ok: false, code: 'unknown_account' }
    const id = createId()
    const identity = endpointIdentity(scope, id)
    const { headers, retryPolicy, ...plainSettings } = settings
    const row = await tx.webhookEndpoint.create({
      data: {
        ...plainSettings,
        organizationId,
        environmentId,
        id,
        retryPolicy: retryPolicy === null ? Prisma.DbNull : (retryPolicy as Prisma.InputJsonObject),
        secretsSealed: sealSecrets(secretBox, [{ ...secret, expiresAt: null }], identity),
        headersSealed: sealHeaders(secretBox, headers, identity),
      },
    })
    const dispatcher = await createSubscription(tx, scope, { endpointId: id, subscription, accountId })
    if (!(await addToDispatcherSet(tx, scope, dispatcher.id))) return { ok: false, code: 'limit_exceeded' }
    return { ok: true, endpoint: toStoredEndpoint(secretBox, row, toStoredDispatcher(dispatcher)) }
  })
}

function whereEndpoint({ organizationId, environmentId }: TenantScope): Prisma.WebhookEndpointWhereInput {
  return { organizationId, environmentId, deletedAt: null }
}

async function findEndpoint(
  { prisma, secretBox }: EndpointDeps,
  scope: TenantScope,
  id: string,
): Promise<StoredEndpoint | undefined> {
  // webhook_endpoints_pkey
  const row = await prisma.webhookEndpoint.findFirst({ where: { ...whereEndpoint(scope), id } })
  if (row === null) return undefined
  return (await withSubscriptions({ prisma, secretBox }, scope, [row]))[0]
}

async function listEndpoints(
  deps: EndpointDeps,
  scope: TenantScope,
  { beforeId, limit }: PageQuery,
): Promise<Page<StoredEndpoint>> {
  // webhook_endpoints_newest_idx
  const rows = await deps.prisma.webhookEndpoint.findMany({
    where: { ...whereEndpoint(scope), ...(beforeId !== undefined && { id: { lt: beforeId } }) },
    orderBy: { id: 'desc' },
    take: limit + 1,
  })
  return toPage(await withSubscriptions(deps, scope, rows), limit)
}

async function withSubscriptions(
  { prisma, secretBox }: EndpointDeps,
  scope: TenantScope,
  rows: readonly EndpointRow[],
): Promise<StoredEndpoint[]> {
  // event_dispatchers_dispatchable_key
  const dispatchers = await prisma.eventDispatcher.findMany({
    where: { ...whereLiveDispatcher(scope), dispatchableId: { in: rows.map(({ id }) => id) } },
    include: dispatcherInclude,
  })
  const byEndpoint = new Map(dispatchers.map((dispatcher) => [dispatcher.dispatchableId, dispatcher]))
  return rows.map((row) => {
    const dispatcher = byEndpoint.get(row.id)
    return toStoredEndpoint(secretBox, row, dispatcher === undefined ? null : toStoredDispatcher(dispatcher))
  })
}

// Holding the endpoint keeps dispatchers from being made for it. All is one transaction, but for very many dispatchers.
async function deleteEndpoint(prisma: PrismaClient, scope: TenantScope, id: string): Promise<boolean> {
  for (let isFirst = true; ; isFirst = false) {
    const step = await runTransaction(prisma, async (tx) => {
      // webhook_endpoints_pkey
      const held = await tx.$queryRaw<object[]>`
        select 1 from webhook_endpoints
        where organization_id = ${scope.organizationId}::uuid and environment_id = ${scope.environmentId}::uuid
          and id = ${id}::uuid and deleted_at is null
        for update`
      if (held.length === 0) return 'missing'
      const { endedIds, isLast } = await endDispatchers(tx, scope, { kind: 'endpoint', id })
      await tx.webhookEndpoint.updateMany({
        where: { ...whereEndpoint(scope), id },
        data: isLast
          ? { deletedAt: new Date(), enabled: false }
          : { enabled: false, disabledReason: DISABLED_ON_REQUEST },
      })
      if (endedIds.length > 0) await bumpDispatcherSet(tx, scope, endedIds)
      return isLast ? 'deleted' : 'more'
    })
    // Somebody else has deleted what we began to delete.
    if (step === 'missing') return !isFirst
    if (step === 'deleted') return true
  }
}
