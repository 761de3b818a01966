import type { DeliveryState, Json, TenantScope } from '@signalbox/domain'
import { type DeliveryWithAttempts, findEndpointId, type ListedDelivery, type StoredAttempt } from './delivery-row.js'
import { existsElsewhere } from './exists-elsewhere.js'
import type { PrismaClient } from './generated/client.js'
import { type DeliveryQuery, listDeliveries } from './list-deliveries.js'
import type { Page } from './page.js'
import { replayDelivery, type ReplayOutcome } from './replay-delivery.js'

/** Deliveries as their owners look at them; the ways of workers are not here. */
export interface DeliveryStore {
  listDeliveries(scope: TenantScope, query: DeliveryQuery): Promise<Page<ListedDelivery>>
  findDelivery(scope: TenantScope, id: string): Promise<DeliveryWithAttempts | undefined>
  /** Starts an ended delivery over; its attempt numbers go on. */
  replayDelivery(scope: TenantScope, id: string): Promise<ReplayOutcome>
  isDeliveryElsewhere(scope: TenantScope, id: string): Promise<boolean>
}

/** The newest of them are shown; replays have no end, an answer must have one. */
const ATTEMPTS_MAX = 200

/** Makes the store of deliveries. */
export function createDeliveryStore(prisma: PrismaClient): DeliveryStore {
  return {
    listDeliveries: (scope, query) => listDeliveries(prisma, scope, query),
    findDelivery: (scope, id) => findDelivery(prisma, scope, id),
    replayDelivery: (scope, id) => replayDelivery(prisma, scope, id),
    isDeliveryElsewhere: (scope, id) => existsElsewhere(prisma, scope, { resource: 'delivery', id }),
  }
}

async function findDelivery(
  prisma: PrismaClient,
  { organizationId, environmentId }: TenantScope,
  id: string,
): Promise<DeliveryWithAttempts | undefined> {
  // deliveries_pkey
  const row = await prisma.delivery.findFirst({
    where: { organizationId, environmentId, id },
    omit: { lastResponseBody: true, lastResponseHeaders: true },
    include: { event: { select: { eventId: true, name: true } } },
  })
  if (row === null) return undefined
  const { event, state, ...delivery } = row
  const attempts = await listAttempts(prisma, organizationId, id)
  // event_dispatchers_pkey
  const dispatcher = await prisma.eventDispatcher.findUnique({
    where: { organizationId_id: { organizationId, id: delivery.dispatcherId } },
    select: { dispatchable: true },
  })
  // Removed with its last deliveries at this moment.
  if (dispatcher === null) return undefined
  return {
    id: delivery.id,
    eventId: event.eventId,
    eventName: event.name,
    dispatcherId: delivery.dispatcherId,
    endpointId: findEndpointId(dispatcher.dispatchable as Json),
    state: state as DeliveryState,
    attemptCount: delivery.attemptCount,
    nextAttemptAt: delivery.nextAttemptAt,
    reason: delivery.reason,
    lastError: delivery.lastError,
    lastStatus: delivery.lastStatus,
    settledAt: delivery.settledAt,
    createdAt: delivery.createdAt,
    updatedAt: delivery.updatedAt,
    attempts,
  }
}

/** The newest attempts of a delivery, oldest first. */
async function listAttempts(
  prisma: PrismaClient,
  organizationId: string,
  deliveryId: string,
): Promise<StoredAttempt[]> {
  // deliveries_pkey, delivery_attempts_pkey
  const rows = await prisma.$queryRaw<StoredAttempt[]>`
    select number, started_at as "startedAt", duration_ms as "durationMs", outcome, response_status as "responseStatus",
      response_headers as "responseHeaders", response_body as "responseBody", error_code as "errorCode",
      error_detail as "errorDetail", address
    from all_delivery_attempts
    where organization_id = ${organizationId}::uuid and delivery_id = ${deliveryId}::uuid
    order by number desc limit ${ATTEMPTS_MAX}`
  return rows.toReversed()
}
