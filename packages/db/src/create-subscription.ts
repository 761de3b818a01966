import { createId, type TenantScope } from '@signalbox/domain'
import { type DispatcherRow, dispatcherInclude, toJsonInput } from './dispatcher-row.js'
import type { Subscription } from './endpoint-input.js'
import type { Prisma } from './generated/client.js'

/** Writes the dispatcher of an endpoint; its dispatchable id is the endpoint's id. */
export async function createSubscription(
  tx: Prisma.TransactionClient,
  scope: TenantScope,
  wanted: { endpointId: string; subscription: Omit<Subscription, 'account'>; accountId: string | null },
): Promise<DispatcherRow> {
  const { eventNames, source, payloadFilter, filterLanguage, contextFilter } = wanted.subscription
  return await tx.eventDispatcher.create({
    data: {
      organizationId: scope.organizationId,
      environmentId: scope.environmentId,
      id: createId(),
      eventNames,
      source,
      payloadFilter: toJsonInput(payloadFilter),
      ...(filterLanguage !== undefined && { filterLanguage }),
      contextFilter: toJsonInput(contextFilter),
      dispatchableType: 'WEBHOOK',
      dispatchableId: wanted.endpointId,
      dispatchable: { type: 'WEBHOOK', id: wanted.endpointId },
      externalAccountId: wanted.accountId,
    },
    include: dispatcherInclude,
  })
}
