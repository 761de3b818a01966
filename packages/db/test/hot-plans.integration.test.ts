import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createId } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
  createTestWebhook,
  makeEvent,
  seedTwoTenants,
  type TestDatabase,
} from '@signalbox/testkit'
import { createAcceptStore, createDatabase, createDeliverStore, type Database } from '../src/index.js'
import { acceptEventsSql } from '../src/sql/accept-events.js'
import {
  claimDeliveriesSql,
  loadBodySql,
  parkDeliveriesSql,
  recordAttemptsSql,
  skipDeliveriesSql,
} from '../src/sql/dispatch-deliveries.js'
import {
  endBoundDispatchersSql,
  endDispatchersSql,
  findDispatchersOfAccountSql,
  findDispatchersOfEndpointSql,
  lockDispatchersOfAccountSql,
  lockDispatchersOfEndpointSql,
} from '../src/sql/end-dispatchers.js'
import { claimIdempotencyKeySql, readIdempotencyKeySql } from '../src/sql/idempotency-keys.js'
import { loadTargetSql } from '../src/sql/load-target.js'
import { bumpDispatcherSetSql, settleEndedSql } from '../src/sql/dispatcher-sets.js'
import { findEndedRulesSql, loadRuleChangesSql, loadRulesPageSql } from '../src/sql/load-rules.js'
import { loadBodiesSql, loadUndeliveredSql } from '../src/sql/load-undelivered.js'
import {
  endExpiredDispatchersSql,
  listRetentionSql,
  pruneDeletedSql,
  pruneEventsSql,
  pruneIdempotencyKeysSql,
} from '../src/sql/prune.js'
import { cancelEventSql, findEventSql } from '../src/sql/read-events.js'
import { findCandidatesSql, findDispatchersToExplainSql } from '../src/sql/replay-event.js'
import { resendEventsSql } from '../src/sql/resend-events.js'
import { findAccountsSql } from '../src/sql/resolve-accounts.js'
import { measureBacklogSql, takeDueDeliveriesSql, takeDueEventsSql } from '../src/sql/schedule.js'
import { lockUndeliveredSql, useUpDispatchersSql, writeDeliveriesSql } from '../src/sql/write-deliveries.js'
import { explain } from './explain.js'
import { GROUP, toAttemptColumns, toDecidedColumns, toNewColumns } from './group-columns.js'

/** Rows that a plan may look at for each row of its group, over all of its steps. A quadratic plan looks at hundreds. */
const TOUCHED_PER_ROW_MAX = 60

let testDatabase: TestDatabase
let database: Database
let scope: { organizationId: string; environmentId: string }
let events: { id: string; eventId: string }[] = []
let later: { id: string; eventId: string }[] = []
let claimed: { id: string; lease: string }[] = []
let pending: string[] = []
let dispatcherId = ''
let endpointId = ''
let accountId = ''
let onceId = ''
let ruleIds: string[] = []

// The tables are filled and their statistics are not: that is when plans go wrong.
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 2 })
  for (const table of ['event_records', 'event_outbox', 'deliveries', 'delivery_outbox', 'delivery_attempts']) {
    await database.pool.query(`alter table ${table} set (autovacuum_enabled = false)`)
  }
  const { a } = await seedTwoTenants(testDatabase)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
  dispatcherId = (await createTestWebhook(database, scope)).dispatcherId
  const account = { identifier: 'one of many', createIfMissing: true }
  const bound = await createTestWebhook(database, scope, { account })
  endpointId = bound.endpointId
  accountId = (await database.prisma.externalAccount.findFirstOrThrow()).id
  onceId = await createTestEphemeral(database, scope, { url: 'http://127.0.0.1:9/', eventNames: ['*'] })
  // Thousands that ran out long ago stay as rows; looking for those that run out now must not read them again.
  await database.pool.query(
    `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
       dispatchable_id, dispatchable, expires_at, deleted_at)
     select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, n::text,
       dispatchable, now() - interval '1 day', now() from event_dispatchers, generate_series(1, 60000) n where id = $1`,
    [onceId],
  )
  await database.pool.query(
    `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
       dispatchable_id, dispatchable, set_version, is_counted)
     select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, 'live ' || n,
       dispatchable, n, true from event_dispatchers, generate_series(1, 20000) n where id = $1`,
    [dispatcherId],
  )
  const rules = await database.pool.query<{ id: string }>(
    `select id from event_dispatchers where dispatchable_id like 'live %' order by id`,
  )
  ruleIds = rules.rows.map((row) => row.id)
  await accept(GROUP)
  events = await accept(GROUP)
  later = await accept(GROUP, new Date(Date.now() + 3_600_000))
  await deliver()
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

/** Two groups whose deliveries are written: those of one wait, those of the other are in flight. */
async function deliver(): Promise<void> {
  const delivered = await accept(2 * GROUP)
  const written = await createDeliverStore(database).writeDeliveries(
    delivered.map(({ id: eventRecordId }) => ({
      ...scope,
      eventRecordId,
      deliveries: [{ id: createId(), eventRecordId, dispatcherId, once: false }],
      fanoutLimited: 0,
      failure: null,
    })),
  )
  const ids = written.map((ref) => ref.deliveryId)
  pending = ids.slice(0, GROUP)
  const { rows } = await database.pool.query<{ id: string; lease: string }>(
    `update deliveries set state = 'in_flight', lease_until = now() + interval '1 minute' where id = any($1)
     returning id, lease_until::text as lease`,
    [ids.slice(GROUP)],
  )
  claimed = rows
}

async function accept(count: number, deliverAt = new Date()): Promise<{ id: string; eventId: string }[]> {
  const made = Array.from({ length: count }, () => makeEvent({ deliverAt }))
  const scoped = made.map((event) => ({ ...scope, event, externalAccountId: null, accountIdentifier: null }))
  await createAcceptStore(database).acceptGroup(scoped, true)
  return made
}

const json = (rows: object[]): string => JSON.stringify(rows)
const columns = (list: { id: string }[]): [string[], string[]] => [
  list.map(() => scope.organizationId),
  list.map((one) => one.id),
]

function toResent(list: { eventId: string }[]): object[] {
  const d = new Date(Date.now() + 7_200_000)
  return list.map(({ eventId: c }) => ({
    o: scope.organizationId,
    e: scope.environmentId,
    c,
    p: { v: 2 },
    d,
    due: false,
  }))
}

const guards = (ids: string[]): string =>
  json(ids.map((i) => ({ o: scope.organizationId, i, n: 0, l: null, w: 1_000 })))

const ofRules = (...more: string[]): unknown[] => [scope.organizationId, ruleIds.slice(0, GROUP), ...more]

/** Statement, values, and the indexes that it must use. */
const statements: [string, string, () => unknown[], string[]][] = [
  ['accept', acceptEventsSql.new, () => toNewColumns(scope), []],
  [
    'accept ids that are there',
    acceptEventsSql.maybe_known,
    () =>
      toNewColumns(
        scope,
        events.map(({ eventId }) => eventId),
      ),
    [],
  ],
  [
    'send again, for later',
    resendEventsSql,
    () => [json(toResent(later)), 5, 30],
    ['event_records_event_id_key', 'event_records_pkey', 'event_outbox_pkey'],
  ],
  [
    'send again, due',
    resendEventsSql,
    () => [json(toResent(events)), 5, 30],
    ['event_records_event_id_key', 'event_outbox_pkey'],
  ],
  [
    'find accounts',
    findAccountsSql,
    () => [json([{ k: 0, o: scope.organizationId, e: scope.environmentId, n: 'x' }])],
    ['external_accounts_identifier_key'],
  ],
  [
    'read an idempotency key',
    readIdempotencyKeySql,
    () => [scope.organizationId, scope.environmentId, Buffer.alloc(32)],
    ['idempotency_keys_pkey'],
  ],
  [
    'claim an idempotency key',
    claimIdempotencyKeySql,
    () => [scope.organizationId, scope.environmentId, Buffer.alloc(32), Buffer.alloc(32), 24],
    [],
  ],
  [
    'find an event',
    findEventSql,
    () => [scope.organizationId, scope.environmentId, events[0]?.eventId],
    ['event_records_event_id_key'],
  ],
  [
    'cancel an event',
    cancelEventSql,
    () => [scope.organizationId, scope.environmentId, events[0]?.eventId],
    ['event_records_event_id_key', 'event_outbox_pkey', 'event_records_pkey'],
  ],
  [
    'load what is undelivered',
    loadUndeliveredSql,
    () => columns(events),
    ['event_records_pkey', 'dispatcher_sets_pkey', 'runtime_environments_pkey'],
  ],
  ['load bodies', loadBodiesSql, () => columns(events), ['event_records_pkey']],
  [
    'load a page of rules',
    loadRulesPageSql,
    () => [scope.organizationId, scope.environmentId, ruleIds[0], GROUP],
    ['event_dispatchers_newest_idx', 'dispatcher_sets_pkey'],
  ],
  [
    'load changes of rules',
    loadRuleChangesSql,
    () => [scope.organizationId, scope.environmentId, '1000', dispatcherId, GROUP],
    ['event_dispatchers_changes_idx', 'dispatcher_sets_pkey'],
  ],
  [
    'look for candidates of a replay',
    findCandidatesSql,
    () => [scope.organizationId, scope.environmentId, 'n', 's', '*', null, ruleIds[0], 2 * GROUP, GROUP],
    ['event_dispatchers_newest_idx'],
  ],
  [
    'find dispatchers to explain',
    findDispatchersToExplainSql,
    () => [scope.organizationId, scope.environmentId, GROUP, events[0]?.id, ruleIds.at(-1), null],
    ['event_dispatchers_newest_idx', 'deliveries_event_dispatcher_key'],
  ],
  [
    'find one dispatcher to explain',
    findDispatchersToExplainSql,
    () => [scope.organizationId, scope.environmentId, GROUP, events[0]?.id, null, dispatcherId],
    ['deliveries_event_dispatcher_key'],
  ],
  [
    'find the dispatchers of an endpoint',
    findDispatchersOfEndpointSql,
    () => [scope.organizationId, scope.environmentId, endpointId, GROUP],
    ['event_dispatchers_endpoint_idx'],
  ],
  [
    'find the dispatchers of an account',
    findDispatchersOfAccountSql,
    () => [scope.organizationId, scope.environmentId, accountId, GROUP],
    ['event_dispatchers_account_idx'],
  ],
  ['lock those of an endpoint', lockDispatchersOfEndpointSql, () => ofRules(endpointId), ['event_dispatchers_pkey']],
  ['lock those of an account', lockDispatchersOfAccountSql, () => ofRules(accountId), ['event_dispatchers_pkey']],
  ['end those of an endpoint', endDispatchersSql, () => ofRules(), ['event_dispatchers_pkey']],
  ['end those of an account', endBoundDispatchersSql, () => ofRules(), ['event_dispatchers_pkey']],
  [
    'find ended rules',
    findEndedRulesSql,
    () => [scope.organizationId, scope.environmentId, new Date(Date.now() - 60_000), GROUP],
    ['event_dispatchers_deleted_idx'],
  ],
  [
    'stamp what changed',
    bumpDispatcherSetSql,
    () => [scope.organizationId, scope.environmentId, ruleIds.slice(0, GROUP)],
    ['event_dispatchers_pkey'],
  ],
  [
    'take back the places of ended dispatchers',
    settleEndedSql,
    () => [scope.organizationId, scope.environmentId, GROUP, 10 * GROUP],
    ['event_dispatchers_unsettled_idx', 'event_dispatchers_expires_at_idx', 'dispatcher_sets_pkey'],
  ],
  [
    'write deliveries',
    writeDeliveriesSql.new,
    () => toDecidedColumns(scope, events, dispatcherId),
    ['event_outbox_pkey', 'event_records_pkey'],
  ],
  [
    'write deliveries, some of which a replay made',
    writeDeliveriesSql.maybe_known,
    () => toDecidedColumns(scope, events, dispatcherId),
    ['event_outbox_pkey', 'event_records_pkey'],
  ],
  [
    'lock what is undelivered',
    lockUndeliveredSql,
    () => [json(events.map(({ id: i }) => ({ o: scope.organizationId, i })))],
    ['event_outbox_pkey'],
  ],
  [
    'use up a dispatcher',
    useUpDispatchersSql,
    () => [json([{ o: scope.organizationId, i: onceId }])],
    ['event_dispatchers_pkey'],
  ],
  [
    'load a target',
    loadTargetSql,
    () => [scope.organizationId, dispatcherId],
    ['webhook_endpoints_pkey', 'runtime_environments_pkey'],
  ],
  [
    'claim deliveries',
    claimDeliveriesSql,
    () => [pending.map(() => scope.organizationId), pending, pending.map(() => 0), 30_000, 16_384],
    ['deliveries_pkey', 'event_records_pkey'],
  ],
  ['load a payload', loadBodySql, () => [scope.organizationId, pending[0]], ['deliveries_pkey', 'event_records_pkey']],
  [
    'record attempts',
    recordAttemptsSql,
    () => toAttemptColumns(scope, claimed),
    ['deliveries_pkey', 'delivery_outbox_pkey'],
  ],
  ['park deliveries', parkDeliveriesSql, () => [guards(pending)], ['deliveries_pkey', 'delivery_outbox_pkey']],
  [
    'skip deliveries',
    skipDeliveriesSql,
    () => [guards(pending), 'dispatcher_disabled'],
    ['deliveries_pkey', 'delivery_outbox_pkey'],
  ],
  [
    'take due events',
    takeDueEventsSql,
    () => [GROUP, 30, true, null],
    ['event_outbox_unpublished_idx', 'event_outbox_enqueue_at_idx', 'event_outbox_pkey'],
  ],
  ['measure the backlog', measureBacklogSql, () => [GROUP, 30], ['event_outbox_enqueue_at_idx']],
  [
    'take due deliveries',
    takeDueDeliveriesSql,
    () => [GROUP, 30, true, null],
    ['delivery_outbox_wake_at_idx', 'deliveries_pkey'],
  ],
  ['prune events', pruneEventsSql, () => [scope.organizationId, scope.environmentId, createId(), GROUP, 5_000], []],
  [
    'prune what was deleted',
    pruneDeletedSql,
    () => [scope.organizationId, scope.environmentId, new Date(), GROUP],
    ['deliveries_newest_idx', 'event_dispatchers_deleted_idx'],
  ],
  ['prune idempotency keys', pruneIdempotencyKeysSql, () => [GROUP], ['idempotency_keys_expires_at_idx']],
  ['end expired dispatchers', endExpiredDispatchersSql, () => [GROUP], ['event_dispatchers_expires_at_idx']],
  ['list retentions', listRetentionSql, () => [createId(), createId(), GROUP], ['runtime_environments_pkey']],
]

// Whatever the planner believes: that it knows nothing, that the outboxes are empty, as they are whenever nothing is behind (and
// so when a vacuum looks at them), or what is there. Where it is wrong many indexes look alike, and any that keeps the work in
// proportion is as good.
describe.each([
  ['no table was looked at', 'select', false],
  [
    'the outboxes were empty when a vacuum looked at them',
    `update pg_class set reltuples = 0, relpages = 1
     where oid in ('event_outbox'::regclass, 'delivery_outbox'::regclass)`,
    false,
  ],
  ['all tables were analyzed', 'analyze', true],
])('%s', (_, setUp, isAnalyzed) => {
  beforeAll(async () => {
    await database.pool.query(
      `update event_outbox set enqueue_at = now() - interval '1 hour' where deliver_at <= now()`,
    )
    await database.pool.query(`update delivery_outbox set wake_at = now() - interval '1 hour'`)
    await database.pool.query(setUp)
  })

  test.each(statements)('%s: by index, and in proportion to its rows', async (...[, text, makeValues, indexes]) => {
    const reading = await explain(database.pool, text, makeValues())
    expect(reading.scanned).toEqual([])
    expect(reading.touched).toBeLessThan(GROUP * TOUCHED_PER_ROW_MAX)
    if (isAnalyzed) expect(reading.indexes).toEqual(expect.arrayContaining(indexes))
  })
})

// What the planner takes for a row or ten it may join row by row, which is quadratic in a group: whether it does changes with
// the size of the tables, and no run meets all sizes. So each step carries on what the one before found.
test.each(statements)('%s: joins no two sets that it made itself', async (_, text, makeValues) => {
  const { joinedSets } = await explain(database.pool, text, makeValues())
  expect(joinedSets).toEqual([])
})
