import {
  createAcceptStore,
  createDatabase,
  createDeliverStore,
  createDispatcherStore,
  createSecretBox,
  type Database,
  type DispatcherStore,
} from '@signalbox/db'
import type { DeliveryRef, EventRef, NewEvent, TenantScope } from '@signalbox/domain'
import {
  createDeliverEvents,
  type DeliverCounts,
  type DeliverDeps,
  type DeliverEvents,
  type DeliverStore,
} from '@signalbox/pipeline'
import {
  createTestDatabase,
  createTestWebhook,
  makeEvent,
  pollUntil,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TwoTenants,
} from '@signalbox/testkit'

/** Delivering on a real store: only what is published is caught, to be looked at. */
export interface Delivering {
  database: Database
  tenants: TwoTenants
  dispatchers: DispatcherStore
  scope(tenant?: 'a' | 'b', environment?: 'production' | 'development'): TenantScope
  /** A worker with an empty memory. */
  create(change?: Partial<DeliverDeps>, wrap?: (store: DeliverStore) => Partial<DeliverStore>): Worker
  accept(count: number, more?: Partial<NewEvent>, of?: TenantScope): Promise<EventRef[]>
  /** Many dispatchers that take everything; gives their ids in order. */
  fanOut(dispatchers: number, of?: TenantScope): Promise<string[]>
  countWaiting(): Promise<number>
  /** Dispatchers that an event went to. */
  listReceivers(ref: EventRef | undefined): Promise<string[]>
  clear(): Promise<void>
  close(): Promise<void>
}

/** A worker, and what it did. */
export interface Worker extends DeliverEvents {
  /** Delivers, and waits for what has to wait for its rules, which takes longer on a busy machine. */
  deliverAll(refs: EventRef[]): Promise<DeliverCounts>
  published: DeliveryRef[][]
  givenBack: EventRef[][]
  unreadable: TenantScope[]
  calls: { pages: number; changes: number; bodies: number[]; portions: number[] }
}

/** Enough for all sets of a test. */
const MATCHERS_BYTES_MAX = 2 ** 28

/** Opens a database of its own with two tenants. */
export async function openDelivering(): Promise<Delivering> {
  const testDatabase = await createTestDatabase()
  const database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 12 })
  const tenants = await seedTwoTenants(testDatabase)
  const workers: Worker[] = []
  const scope: Delivering['scope'] = (tenant = 'a', environment = 'production') => ({
    organizationId: tenants[tenant].organizationId,
    environmentId: tenants[tenant][environment].id,
  })
  return {
    database,
    tenants,
    dispatchers: createDispatcherStore(database.prisma, createSecretBox(TEST_MASTER_KEYS)),
    scope,
    create: (change = {}, wrap = () => ({})) => {
      const worker = createWorker(createDeliverStore(database), change, wrap)
      workers.push(worker)
      return worker
    },
    accept: async (count, more = {}, of = scope()) => {
      const scoped = Array.from({ length: count }, () => ({
        ...of,
        event: makeEvent(more),
        externalAccountId: null,
        accountIdentifier: null,
      }))
      return (await createAcceptStore(database).acceptGroup(scoped, true)).map((stored) => stored.ref)
    },
    fanOut: async (dispatchers, of = scope()) => {
      const { dispatcherId } = await createTestWebhook(database, of)
      await database.pool.query(
        `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
           dispatchable_id, dispatchable)
         select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, n::text, dispatchable
         from event_dispatchers, generate_series(1, $2::int) n where id = $1`,
        [dispatcherId, dispatchers - 1],
      )
      const { rows } = await database.pool.query<{ id: string }>(
        'select id from event_dispatchers where environment_id = $1 order by id',
        [of.environmentId],
      )
      return rows.map((row) => row.id)
    },
    countWaiting: async () => {
      const { rows } = await database.pool.query<{ waiting: number }>(
        'select count(*)::int as waiting from event_outbox',
      )
      return rows[0]?.waiting ?? -1
    },
    listReceivers: async (ref) => {
      const { rows } = await database.pool.query<{ dispatcher_id: string }>(
        'select dispatcher_id from deliveries where event_record_id = $1 order by dispatcher_id',
        [ref?.eventRecordId],
      )
      return rows.map((row) => row.dispatcher_id)
    },
    clear: async () => {
      for (const worker of workers.splice(0)) await worker.stop()
      await database.pool.query('truncate event_outbox, delivery_outbox, event_records, event_dispatchers cascade')
    },
    close: async () => {
      for (const worker of workers.splice(0)) await worker.stop()
      await database.close()
      await testDatabase.drop()
    },
  }
}

function createWorker(
  store: DeliverStore,
  change: Partial<DeliverDeps>,
  wrap: (store: DeliverStore) => Partial<DeliverStore>,
): Worker {
  const caught: Pick<Worker, 'published' | 'givenBack' | 'unreadable' | 'calls'> = {
    published: [],
    givenBack: [],
    unreadable: [],
    calls: { pages: 0, changes: 0, bodies: [], portions: [] },
  }
  const runs: DeliverCounts[] = []
  const counting: DeliverStore = {
    ...store,
    loadRulesPage: (of, page) => {
      caught.calls.pages += 1
      return store.loadRulesPage(of, page)
    },
    loadRuleChanges: (of, page) => {
      caught.calls.changes += 1
      return store.loadRuleChanges(of, page)
    },
    loadBodies: (refs) => {
      caught.calls.bodies.push(refs.length)
      return store.loadBodies(refs)
    },
    writeDeliveries: (decisions) => {
      caught.calls.portions.push(decisions.reduce((sum, decision) => sum + decision.deliveries.length, 0))
      return store.writeDeliveries(decisions)
    },
  }
  const delivering = createDeliverEvents({
    store: { ...counting, ...wrap(counting) },
    queue: {
      publishDispatch: async (refs) => void caught.published.push(refs),
      publishDeliver: async (refs) => void caught.givenBack.push(refs),
    },
    now: () => new Date(),
    matchersBytesMax: MATCHERS_BYTES_MAX,
    ...change,
    observer: {
      onRulesUnreadable: (_, of) => void caught.unreadable.push(of),
      onDelivered: (counts) => void runs.push(counts),
      ...change.observer,
    },
  })
  const deliverAll = async (refs: EventRef[]): Promise<DeliverCounts> => {
    const before = runs.length
    await delivering.deliver(refs)
    await pollUntil(() => delivering.stats().parkedEvents === 0, { what: 'parked events' })
    return runs.slice(before).reduce(addUp)
  }
  return { ...caught, ...delivering, deliverAll }
}

function addUp(one: DeliverCounts, other: DeliverCounts): DeliverCounts {
  return {
    events: one.events + other.events,
    deliveries: one.deliveries + other.deliveries,
    failed: one.failed + other.failed,
    fanoutLimited: one.fanoutLimited + other.fanoutLimited,
    parked: 0,
  }
}
