import { DEFAULT_EVENT_SOURCE, type TenantScope } from '@signalbox/domain'
import { addToDispatcherSet } from './add-to-dispatcher-set.js'
import { bumpDispatcherSet } from './bump-dispatcher-set.js'
import {
  type DispatcherRow,
  dispatcherInclude,
  toJsonInput,
  toStoredDispatcher,
  whereLiveDispatcher,
} from './dispatcher-row.js'
import {
  type EndpointRow,
  endpointIdentity,
  sealHeaders,
  type StoredEndpoint,
  toStoredEndpoint,
} from './endpoint-row.js'
import { createSubscription } from './create-subscription.js'
import type { EndpointChange, EndpointSettings } from './endpoint-input.js'
import { Prisma, type PrismaClient } from './generated/client.js'
import { resolveAccount } from './resolve-account.js'
import { runOutcome } from './run-outcome.js'
import type { SecretBox } from './secret-box.js'

/** How changing an endpoint ended. */
export type UpdateEndpointOutcome =
  | { readonly ok: true; readonly endpoint: StoredEndpoint }
  | {
      readonly ok: false
      /** `events_missing`: its dispatcher was deleted, and a new one needs event names. */
      readonly code: 'missing' | 'unknown_account' | 'events_missing' | 'limit_exceeded'
    }

/** What is read in the row of an endpoint that its owner switched off. */
export const DISABLED_ON_REQUEST = 'requested'

/** Changes an endpoint and the dispatcher that was made with it, in one transaction. */
export async function updateEndpoint(
  { prisma, secretBox }: { prisma: PrismaClient; secretBox: SecretBox },
  { scope, id }: { scope: TenantScope; id: string },
  change: EndpointChange,
): Promise<UpdateEndpointOutcome> {
  return await runOutcome(prisma, async (tx): Promise<UpdateEndpointOutcome> => {
    const rows = await tx.webhookEndpoint.updateManyAndReturn({
      where: { organizationId: scope.organizationId, environmentId: scope.environmentId, id, deletedAt: null },
      data: toSettingsUpdate(secretBox, change.settings, endpointIdentity(scope, id)),
    })
    const row: EndpointRow | undefined = rows[0]
    if (row === undefined) return { ok: false, code: 'missing' }
    const subscription = await changeSubscription(tx, { scope, endpointId: id }, change.subscription)
    if (!subscription.ok) return subscription
    const { dispatcher } = subscription
    const stored = dispatcher === null ? null : toStoredDispatcher(dispatcher)
    return { ok: true, endpoint: toStoredEndpoint(secretBox, row, stored) }
  })
}

function toSettingsUpdate(
  secretBox: SecretBox,
  { headers, retryPolicy, enabled, ...plain }: EndpointChange['settings'],
  rowIdentity: string,
): Prisma.WebhookEndpointUncheckedUpdateManyInput {
  return {
    ...dropUndefined(plain),
    ...(retryPolicy !== undefined && {
      retryPolicy: retryPolicy === null ? Prisma.DbNull : (retryPolicy as Prisma.InputJsonObject),
    }),
    ...(headers !== undefined && { headersSealed: sealHeaders(secretBox, headers, rowIdentity) }),
    ...(enabled !== undefined && { enabled, disabledReason: enabled ? null : DISABLED_ON_REQUEST }),
  }
}

type PlainSettings = Omit<EndpointSettings, 'headers' | 'retryPolicy' | 'enabled'>

function dropUndefined(settings: {
  [Key in keyof PlainSettings]?: PlainSettings[Key] | undefined
}): Partial<PlainSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

type SubscriptionOutcome =
  | { ok: true; dispatcher: DispatcherRow | null }
  | { ok: false; code: 'unknown_account' | 'events_missing' | 'limit_exceeded' }

async function changeSubscription(
  tx: Prisma.TransactionClient,
  { scope, endpointId }: { scope: TenantScope; endpointId: string },
  change: EndpointChange['subscription'],
): Promise<SubscriptionOutcome> {
  const current = await tx.eventDispatcher.findFirst({
    where: { ...whereLiveDispatcher(scope), dispatchableId: endpointId },
    include: dispatcherInclude,
  })
  if (Object.values(change).every((value) => value === undefined)) return { ok: true, dispatcher: current }
  const { account, eventNames, source, payloadFilter, filterLanguage, contextFilter } = change
  const accountId = account ? await resolveAccount(tx, scope, account) : null
  if (accountId === undefined) return { ok: false, code: 'unknown_account' }
  if (current === null) {
    if (eventNames === undefined) return { ok: false, code: 'events_missing' }
    const subscription = {
      eventNames,
      source: source ?? DEFAULT_EVENT_SOURCE,
      payloadFilter: payloadFilter ?? null,
      filterLanguage,
      contextFilter: contextFilter ?? null,
    }
    const made = await createSubscription(tx, scope, { endpointId, subscription, accountId })
    if (!(await addToDispatcherSet(tx, scope, made.id))) return { ok: false, code: 'limit_exceeded' }
    return { ok: true, dispatcher: made }
  }
  const dispatcher = await tx.eventDispatcher.update({
    where: { organizationId_id: { organizationId: scope.organizationId, id: current.id } },
    data: {
      ...(eventNames !== undefined && { eventNames }),
      ...(source !== undefined && { source }),
      ...(payloadFilter !== undefined && { payloadFilter: toJsonInput(payloadFilter) }),
      ...(filterLanguage !== undefined && { filterLanguage }),
      ...(contextFilter !== undefined && { contextFilter: toJsonInput(contextFilter) }),
      ...(account !== undefined && { externalAccountId: accountId }),
    },
    include: dispatcherInclude,
  })
  await bumpDispatcherSet(tx, scope, [dispatcher.id])
  return { ok: true, dispatcher }
}
