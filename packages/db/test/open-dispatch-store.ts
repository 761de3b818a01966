import type { AttemptReading, NextStep, TenantScope } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestWebhook,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TwoTenants,
} from '@signalbox/testkit'
import { createDatabase, createDispatchStore, createSecretBox, type Database } from '../src/index.js'
import { oweDelivery, type OwedDelivery } from './owe-delivery.js'

/** Of every claim that does not say otherwise. */
export const LEASE_MS = 30_000

type DispatchStore = ReturnType<typeof createDispatchStore>

/** A delivery as claiming gives it. */
export type Claimed = Awaited<ReturnType<DispatchStore['claimDeliveries']>>[number]

/** A database of its own with two tenants, and what claims and records deliveries in it. */
export interface OpenDispatchStore {
  readonly database: Database
  readonly tenants: TwoTenants
  readonly store: DispatchStore
  /** Production of a tenant. */
  scopeOf(tenant?: 'a' | 'b'): TenantScope
  /** Accepts an event of the first tenant and owes its delivery to one dispatcher. */
  owe(dispatcherId: string, more?: Parameters<typeof oweDelivery>[2]): Promise<OwedDelivery>
  claim(...refs: OwedDelivery[]): Promise<Claimed[]>
  /** Gives whether the claim still held. */
  record(delivery: Claimed, step: NextStep, reading?: Partial<AttemptReading>): Promise<boolean[]>
  /** Rows of all attempts of a delivery, in their order. */
  listAttempts(ref: { deliveryId: string }): Promise<Record<string, unknown>[]>
  /** A new webhook of the first tenant; gives its dispatcher and endpoint. */
  createWebhook(): ReturnType<typeof createTestWebhook>
  /** Removes all events and dispatchers. */
  empty(): Promise<void>
  close(): Promise<void>
}

/** Opens it. */
export async function openDispatchStore(): Promise<OpenDispatchStore> {
  const testDatabase = await createTestDatabase()
  const database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 12 })
  const tenants = await seedTwoTenants(testDatabase)
  const store = createDispatchStore(database, createSecretBox(TEST_MASTER_KEYS))
  const scopeOf = (tenant: 'a' | 'b' = 'a'): TenantScope => ({
    organizationId: tenants[tenant].organizationId,
    environmentId: tenants[tenant].production.id,
  })
  return {
    database,
    tenants,
    store,
    scopeOf,
    owe: (dispatcherId, more) => oweDelivery(database, { ...scopeOf(), dispatcherId }, more),
    claim: (...refs) => store.claimDeliveries(refs, LEASE_MS),
    record: (delivery, step, reading = {}) => {
      const full = { outcome: 'failed' as const, durationMs: 12.7, ...reading }
      return store.recordAttempts([{ delivery, startedAt: new Date(), reading: full, step }])
    },
    listAttempts: async ({ deliveryId }) => {
      const text = 'select * from all_delivery_attempts where delivery_id = $1 order by number'
      return (await database.pool.query(text, [deliveryId])).rows
    },
    createWebhook: () => createTestWebhook(database, scopeOf()),
    empty: async () => {
      await database.pool.query('truncate event_outbox, delivery_outbox, event_records cascade')
      await database.pool.query('delete from event_dispatchers')
    },
    close: async () => {
      await database.close()
      await testDatabase.drop()
    },
  }
}

/** The one item of a list. @throws when there are more, or none. */
export async function only<Item>(list: Promise<Item[]>): Promise<Item> {
  const [first, ...others] = await list
  if (first === undefined || others.length > 0) throw new Error(`expected one, got ${others.length + 1}`)
  return first
}
