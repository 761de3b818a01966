import {
  ANY_SOURCE,
  createId,
  DELIVERIES_OF_STATEMENT_MAX,
  type DeliveryState,
  type DispatcherRule,
  type ExplainableRule,
  type TenantScope,
} from '@signalbox/domain'
import type { Pool } from 'pg'
import type { StoredAttempt } from './delivery-row.js'
import { type EventRow, type StoredEventRecord, toEventRecord } from './event-row.js'
import { type EventQuery, listEvents } from './list-events.js'
import { type Page, type PageQuery, toCutPage, toPage } from './page.js'
import { type EventDeliveryRow, toEventDelivery } from './event-delivery-row.js'
import { eventDeliveriesSql } from './sql/event-deliveries.js'
import { cancelEventSql, findEventSql, isEventElsewhereSql } from './sql/read-events.js'
import {
  findCandidatesSql,
  findDispatchersToExplainSql,
  findReplayTargetSql,
  replayEventSql,
} from './sql/replay-event.js'

/** Events as their owners look at them. Accepting and delivering have stores of their own. */
export interface EventStore {
  /** By the caller's id. */
  findEvent(scope: TenantScope, eventId: string): Promise<StoredEventRecord | undefined>
  isEventElsewhere(scope: TenantScope, eventId: string): Promise<boolean>
  listEvents(scope: TenantScope, query: EventQuery): Promise<Page<StoredEventRecord>>
  /** `cancelled` also when it was before. */
  cancelEvent(scope: TenantScope, eventId: string): Promise<CancelOutcome>
  listEventDeliveries(scope: TenantScope, recordId: string, query: OfDispatcherQuery): Promise<Page<EventDelivery>>
  /**
   * Dispatchers whose names, source and account cover the event, some by some in the order of their ids; their filters are
   * still to be asked.
   */
  findCandidates(
    scope: TenantScope,
    event: { name: string; source: string; externalAccountId: string | null },
    afterId: string | undefined,
  ): Promise<CandidatesPage>
  /** Dispatchers, newest first, also those that can't take anything now. */
  findDispatchersToExplain(
    scope: TenantScope,
    recordId: string,
    query: OfDispatcherQuery,
  ): Promise<Page<ExplainableDispatcher>>
  /** Whether an event can be replayed to this dispatcher; `once` for one that takes a single event. */
  findReplayTarget(scope: TenantScope, dispatcherId: string): Promise<ReplayTarget>
  /** Starts or starts over the event's deliveries to these dispatchers. */
  replayEvent(scope: TenantScope, recordId: string, dispatcherIds: readonly string[]): Promise<ReplayedEventDelivery[]>
}

/** A page of what concerns all dispatchers, or one. */
export interface OfDispatcherQuery extends PageQuery {
  readonly dispatcherId?: string | undefined
}

/** Some dispatchers that may take an event; few or none although others follow. */
export interface CandidatesPage {
  rules: DispatcherRule[]
  /** Where to go on; undefined at the end. */
  nextAfterId: string | undefined
}

/** A dispatcher as it stands to one event. */
export interface ExplainableDispatcher extends ExplainableRule {
  dispatchable: { type: string; id: string }
  /** For webhooks: where it sends to; null when the endpoint is gone. */
  url: string | null
  hasDelivery: boolean
  createdAt: Date
  updatedAt: Date
}

/** How cancelling ended. */
export type CancelOutcome =
  | { kind: 'cancelled'; event: StoredEventRecord }
  | { kind: 'delivered' | 'failed'; event: StoredEventRecord }
  | { kind: 'missing' }

/** How a dispatcher of the environment stands to a replay; `missing` also when it was deleted. */
export type ReplayTarget = 'ready' | 'disabled' | 'once' | 'missing'

/** What one dispatcher got of an event. */
export interface EventDelivery {
  id: string
  dispatcherId: string
  dispatchable: { type: string; id: string }
  state: DeliveryState
  attemptCount: number
  nextAttemptAt: Date | null
  reason: string | null
  lastError: string | null
  lastStatus: number | null
  settledAt: Date | null
  createdAt: Date
  updatedAt: Date
  attempts: StoredAttempt[]
}

/** A delivery after a replay; `isReplayed` is false for one that is still on its way. */
export interface ReplayedEventDelivery {
  id: string
  dispatcherId: string
  attemptCount: number
  isReplayed: boolean
}

/** Dispatchers that one statement looks at for their names: some tens of milliseconds. */
const CANDIDATES_SCANNED = 20_000

/** Those of them that one statement gives, with their filters: in memory some tens of megabytes at the worst. */
const CANDIDATES_GIVEN = 1_000

const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** Attempts of one delivery in a list of them. */
const ATTEMPTS_MAX = 50

/** Creates the store on a pool. */
export function createEventStore({ pool }: { pool: Pool }): EventStore {
  return {
    findEvent: (scope, eventId) => findEvent(pool, scope, eventId),
    async isEventElsewhere({ organizationId, environmentId }, eventId) {
      const values = [organizationId, environmentId, eventId]
      const { rows } = await pool.query<{ found: boolean }>(isEventElsewhereSql, values)
      return rows[0]?.found === true
    },
    listEvents: (scope, query) => listEvents(pool, scope, query),
    cancelEvent: (scope, eventId) => cancelEvent(pool, scope, eventId),
    async listEventDeliveries({ organizationId }, recordId, { beforeId, limit, dispatcherId = null }) {
      const values = [organizationId, recordId, beforeId ?? null, limit + 1, ATTEMPTS_MAX, dispatcherId]
      const { rows } = await pool.query<EventDeliveryRow & { found: number }>(eventDeliveriesSql, values)
      const { items, nextBeforeId } = toCutPage(rows, limit)
      return { items: items.map(toEventDelivery), nextBeforeId }
    },
    async findCandidates({ organizationId, environmentId }, { name, source, externalAccountId }, afterId) {
      const wanted = [name, source, ANY_SOURCE, externalAccountId]
      const bounds = [afterId ?? FIRST_ID, CANDIDATES_SCANNED, CANDIDATES_GIVEN]
      const values = [organizationId, environmentId, ...wanted, ...bounds]
      const { rows } = await pool.query<CandidateRow>(findCandidatesSql, values)
      const rules = rows.filter((row): row is CandidateRow & RuleRow => row.id !== null).map(toRule)
      const isMore = rows[0]?.is_more ?? false
      return { rules, nextAfterId: isMore ? (rows[0]?.last_id ?? undefined) : undefined }
    },
    async findDispatchersToExplain(
      { organizationId, environmentId },
      recordId,
      { beforeId, limit, dispatcherId = null },
    ) {
      const values = [organizationId, environmentId, limit + 1, recordId, beforeId ?? null, dispatcherId]
      const { rows } = await pool.query<ExplainableRow>(findDispatchersToExplainSql, values)
      const { items, nextBeforeId } = toPage(rows, limit)
      return { items: items.map(toExplainable), nextBeforeId }
    },
    async findReplayTarget({ organizationId, environmentId }, dispatcherId) {
      const values = [organizationId, environmentId, dispatcherId]
      const { rows } = await pool.query<{ target: ReplayTarget }>(findReplayTargetSql, values)
      return rows[0]?.target ?? 'missing'
    },
    async replayEvent(scope, recordId, dispatcherIds) {
      const replayed: ReplayedEventDelivery[] = []
      for (let start = 0; start < dispatcherIds.length; start += DELIVERIES_OF_STATEMENT_MAX) {
        const part = dispatcherIds.slice(start, start + DELIVERIES_OF_STATEMENT_MAX)
        for (const one of await replayEvent(pool, scope, { recordId, dispatcherIds: part })) replayed.push(one)
      }
      return replayed
    },
  }
}

async function findEvent(pool: Pool, scope: TenantScope, eventId: string): Promise<StoredEventRecord | undefined> {
  const { rows } = await pool.query<EventRow>(findEventSql, [scope.organizationId, scope.environmentId, eventId])
  return rows[0] === undefined ? undefined : toEventRecord(rows[0], new Date())
}

async function cancelEvent(pool: Pool, scope: TenantScope, eventId: string): Promise<CancelOutcome> {
  const { rows } = await pool.query<EventRow>(cancelEventSql, [scope.organizationId, scope.environmentId, eventId])
  if (rows[0] !== undefined) return { kind: 'cancelled', event: toEventRecord(rows[0], new Date()) }
  // Nobody waits for delivery under this id: a new look says what came first.
  const event = await findEvent(pool, scope, eventId)
  if (event === undefined) return { kind: 'missing' }
  if (event.cancelledAt !== null) return { kind: 'cancelled', event }
  return { kind: event.state === 'failed' ? 'failed' : 'delivered', event }
}

async function replayEvent(
  pool: Pool,
  { organizationId, environmentId }: TenantScope,
  { recordId, dispatcherIds }: { recordId: string; dispatcherIds: readonly string[] },
): Promise<ReplayedEventDelivery[]> {
  const ids = dispatcherIds.map(() => createId())
  const values = [organizationId, environmentId, recordId, ids, dispatcherIds]
  const { rows } = await pool.query<ReplayRow>(replayEventSql, values)
  return rows.map((row) => ({
    id: row.id,
    dispatcherId: row.dispatcher_id,
    attemptCount: row.attempt_count,
    isReplayed: row.is_replayed,
  }))
}

interface ReplayRow {
  id: string
  dispatcher_id: string
  attempt_count: number
  is_replayed: boolean
}

interface RuleRow {
  id: string
  event_names: string[]
  source: string
  filter_language: DispatcherRule['filterLanguage']
  payload_filter: DispatcherRule['payloadFilter']
  context_filter: DispatcherRule['contextFilter']
  external_account_id: string | null
}

/** What every row says, be it without a dispatcher. */
type CandidateRow = { is_more: boolean; last_id: string | null } & (RuleRow | { id: null })

interface ExplainableRow extends RuleRow {
  enabled: boolean
  manual: boolean
  expires_at: Date | null
  dispatchable_type: string
  dispatchable_id: string
  created_at: Date
  updated_at: Date
  url: string | null
  is_endpoint_disabled: boolean
  has_delivery: boolean
}

function toExplainable(row: ExplainableRow): ExplainableDispatcher {
  return {
    rule: { ...toRule(row), expiresAt: row.expires_at, once: row.dispatchable_type === 'EPHEMERAL' },
    isEnabled: row.enabled,
    isManual: row.manual,
    isEndpointDisabled: row.is_endpoint_disabled,
    dispatchable: { type: row.dispatchable_type, id: row.dispatchable_id },
    url: row.url,
    hasDelivery: row.has_delivery,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function toRule(row: RuleRow): DispatcherRule {
  return {
    id: row.id,
    eventNames: row.event_names,
    source: row.source,
    filterLanguage: row.filter_language,
    payloadFilter: row.payload_filter,
    contextFilter: row.context_filter,
    externalAccountId: row.external_account_id,
    expiresAt: null,
    once: false,
  }
}
