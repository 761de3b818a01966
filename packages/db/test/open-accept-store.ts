import type { NewEvent } from '@signalbox/domain'
import type { QueryResult } from 'pg'
import { createTestDatabase, seedTwoTenants, type TwoTenants } from '@signalbox/testkit'
import { createAcceptStore, createDatabase, type Database } from '../src/index.js'

/** A database of its own with two tenants, and what accepts their events. */
export interface OpenAcceptStore {
  readonly database: Database
  readonly tenants: TwoTenants
  readonly store: ReturnType<typeof createAcceptStore>
  /** Production of a tenant. */
  scopeOf: (tenant?: 'a' | 'b') => { organizationId: string; environmentId: string }
  /** An event as it is stored there, of no account. */
  scoped: (event: NewEvent, tenant?: 'a' | 'b') => ScopedTestEvent
  /** Rows with this id, with their times in the outbox. */
  readRows: (eventId: string) => Promise<QueryResult['rows']>
  /** Removes all events. */
  empty(): Promise<void>
  close(): Promise<void>
}

type ScopedTestEvent = Parameters<ReturnType<typeof createAcceptStore>['acceptGroup']>[0][number]

/** Opens it. */
export async function openAcceptStore(): Promise<OpenAcceptStore> {
  const testDatabase = await createTestDatabase()
  const database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 10 })
  const tenants = await seedTwoTenants(testDatabase)
  const scopeOf = (tenant: 'a' | 'b' = 'a') => ({
    organizationId: tenants[tenant].organizationId,
    environmentId: tenants[tenant].production.id,
  })
  return {
    database,
    tenants,
    store: createAcceptStore(database),
    scopeOf,
    scoped: (event, tenant) => ({ ...scopeOf(tenant), event, externalAccountId: null, accountIdentifier: null }),
    readRows: async (eventId) => {
      const { rows } = await database.pool.query(
        `select r.*, b.deliver_at as box_deliver_at, b.enqueue_at from event_records r
         left join event_outbox b on b.organization_id = r.organization_id and b.event_record_id = r.id
         where r.event_id = $1 order by r.id`,
        [eventId],
      )
      return rows
    },
    empty: async () => {
      await database.pool.query('truncate event_outbox, delivery_outbox, event_records cascade')
      await database.pool.query('delete from idempotency_keys')
    },
    close: async () => {
      await database.close()
      await testDatabase.drop()
    },
  }
}
