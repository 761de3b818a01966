import { takeAccount, type Account, type StoredDelivery, type StoredEvent, type Subscriber } from './account.js'
import type { FaultStack } from './fault-stack.js'
import { EVENT_NAMES, startLoad, UNHEARD, type Load, type LoadOptions } from './load.js'
import { startReceiver, type Manners, type Receiver } from './receiver.js'
import { waitUntil } from './wait-until.js'

/** A receiver under load, and what it asks for. */
interface SubscriberPlan {
  readonly name: string
  readonly manners: Manners
  readonly events: (run: string) => string[]
  readonly filter?: object
  readonly wants: Subscriber['wants']
}

const SLOW_MS = 300
const FAILING_EVERY = 20

/** Of one attempt. A claim is held for 11.5 seconds longer: a killed worker's attempts are made again after that. */
const TIMEOUT_MS = 5_000
/** A claim that ran out while its queue was busy is found within half a minute; then it is made, or retried. */
const SETTLE_MS = 120_000

const allHeard = (run: string): string[] => EVENT_NAMES.map((name) => `${run}.${name}`)
const isHeard: Subscriber['wants'] = ({ name }) => !name.endsWith(UNHEARD)

let failing = 0
const plans: readonly SubscriberPlan[] = [
  { name: 'everything', manners: () => ({ status: 200 }), events: allHeard, wants: isHeard },
  {
    name: 'filtered',
    manners: () => ({ status: 200 }),
    events: (run) => [`${run}.order.*`],
    filter: { kind: ['odd'] },
    wants: ({ name, kind }) => name.includes('.order.') && kind === 'odd',
  },
  {
    name: 'slow',
    manners: () => ({ status: 200, delayMs: SLOW_MS }),
    events: (run) => [`${run}.${EVENT_NAMES[1]}`],
    wants: ({ name }) => name.endsWith(EVENT_NAMES[1]),
  },
  {
    name: 'failing',
    // Every twentieth delivery is refused at its first attempt.
    manners: ({ number }) => ({ status: number === 1 && ++failing % FAILING_EVERY === 0 ? 500 : 200 }),
    events: allHeard,
    wants: isHeard,
  },
]

/** A steady load with its receivers, all under one name. */
export interface Scenario {
  readonly load: Load
  /** Resolves once this many more events than now were accepted: the system goes on. */
  untilAccepted(more: number): Promise<void>
}

/** Makes a webhook endpoint, with a short schedule of retries. */
export async function createEndpoint(stack: FaultStack, body: object): Promise<string> {
  const response = await fetch(`${stack.apiUrl}/api/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.tenant.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ timeoutMs: TIMEOUT_MS, retryPolicy: { delaysSeconds: [1, 1, 2, 2, 4] }, ...body }),
  })
  const text = await response.text()
  if (response.status !== 201) throw new Error(`the endpoint was not made: ${response.status} ${text}`)
  return (JSON.parse(text) as { id: string }).id
}

/** Puts a load on while `act` does harm; then waits until all has settled, and takes account of every event. */
export async function runScenario(
  stack: FaultStack,
  run: string,
  act: (scenario: Scenario) => Promise<void>,
  options: Pick<LoadOptions, 'withBigBulks'> = {},
): Promise<Account & { readonly counts: Load['counts'] }> {
  const receivers: Receiver[] = []
  const faultsBefore = stack.faults.length
  let load: Load | undefined
  try {
    const subscribers: Subscriber[] = []
    for (const plan of plans) {
      const receiver = await startReceiver(plan.manners)
      receivers.push(receiver)
      const { url, arrivals } = receiver
      const endpointId = await createEndpoint(stack, { url, events: plan.events(run), filter: plan.filter })
      subscribers.push({ name: plan.name, endpointId, arrivals, wants: plan.wants })
    }
    load = startLoad({ apiUrl: stack.apiUrl, secretKey: stack.tenant.secretKey, run, ...options })
    await act({ load, untilAccepted: createProgressWait(load) })
    await load.finish()
    await untilSettled(stack)
    const stored = await loadStored(stack, run)
    const faults = stack.faults.slice(faultsBefore)
    const account = takeAccount({ sent: load.sent, stored, subscribers, faults })
    report(run, { account, load, stored, faults: faults.map(({ what }) => what) })
    return { ...account, counts: load.counts }
  } finally {
    await load?.abort()
    await Promise.all(receivers.map((receiver) => receiver.close()))
  }
}

function createProgressWait(load: Load): Scenario['untilAccepted'] {
  return async (more) => {
    const wanted = load.counts.accepted + more
    await waitUntil(`${more} more events accepted`, () => load.counts.accepted >= wanted)
  }
}

/** Resolves once nothing is owed to anybody: both outboxes are empty. */
export async function untilSettled(stack: FaultStack): Promise<void> {
  const sql = `select (select count(*)::int from event_outbox) as events, (select count(*)::int from delivery_outbox) as deliveries`
  let left: object | undefined
  const isEmpty = async (): Promise<boolean> => {
    const [row] = await stack.query<{ events: number; deliveries: number }>(sql)
    left = row
    return row?.events === 0 && row.deliveries === 0
  }
  await waitUntil('everything delivered', isEmpty, SETTLE_MS).catch((cause: unknown) => {
    const said = stack.said().join('\n')
    throw new Error(`still owed after ${SETTLE_MS} ms: ${JSON.stringify(left)}\n${said}`, { cause })
  })
}

interface EventRow {
  id: string
  event_id: string
  is_delivered: boolean
}

interface DeliveryRow {
  id: string
  event_record_id: string
  state: string
  dispatcher_id: string
}

interface AttemptRow {
  delivery_id: string
  outcome: string
  status: number | null
}

/**
 * All events of a run, with their deliveries and attempts. Put together here: on tables that have just been filled the plan
 * of a join is anybody's guess.
 */
export async function loadStored(stack: FaultStack, run: string): Promise<StoredEvent[]> {
  const { organizationId, environmentId } = stack.tenant
  const events = await stack.query<EventRow>(
    `select id, event_id, delivered_at is not null as is_delivered from event_records
     where organization_id = $1 and environment_id = $2 and context ->> 'run' = $3`,
    [organizationId, environmentId, run],
  )
  const dispatchers = await stack.query<{ id: string; endpoint_id: string }>(
    `select id, dispatchable ->> 'id' as endpoint_id from event_dispatchers where organization_id = $1`,
    [organizationId],
  )
  const endpoints = new Map(dispatchers.map((row) => [row.id, row.endpoint_id]))
  const deliveries = await stack.query<DeliveryRow>(
    'select id, event_record_id, state, dispatcher_id from deliveries where organization_id = $1',
    [organizationId],
  )
  const attempts = await stack.query<AttemptRow>(
    `select delivery_id, outcome, response_status as status from all_delivery_attempts
     where organization_id = $1 order by delivery_id, number`,
    [organizationId],
  )
  const attemptsOf = groupBy(attempts, (row) => row.delivery_id)
  const deliveriesOf = groupBy(deliveries, (row) => row.event_record_id)
  const toDelivery = ({ id, state, dispatcher_id: dispatcherId }: DeliveryRow): StoredDelivery => ({
    id,
    state,
    endpointId: endpoints.get(dispatcherId) ?? '',
    attempts: (attemptsOf.get(id) ?? []).map(({ outcome, status }) => ({ outcome, status })),
  })
  return events.map((row) => ({
    eventId: row.event_id,
    isDelivered: row.is_delivered,
    deliveries: (deliveriesOf.get(row.id) ?? []).map(toDelivery),
  }))
}

function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group === undefined) groups.set(keyOf(row), [row])
    else group.push(row)
  }
  return groups
}

interface Result {
  readonly account: Account
  readonly load: Load
  readonly stored: readonly StoredEvent[]
  readonly faults: readonly string[]
}

/** Tells what happened; jest's own report has no room for it. */
function report(run: string, { account, load, stored, faults }: Result): void {
  const { accepted, resent, refused, unavailable, unreachable, abandonedBulks } = load.counts
  const done = countEach(faults)
  const storedIds = new Set(stored.map(({ eventId }) => eventId))
  const bulks = new Map([...load.sent.values()].map(({ bulk, outcome, id }) => [bulk, { outcome, id }]))
  const kept = [...bulks.values()].filter(({ outcome, id }) => outcome === 'unknown' && storedIds.has(id)).length
  const explained = countEach(account.twice.map(({ explanation }) => `${explanation ?? 'unexplained'}`))
  const lines = [
    `fault test ${run}: ${done || 'no fault'}`,
    `  clients: ${accepted} events answered 200, ${resent} sent again, ${refused} refused, ` +
      `${unavailable} answers 503, ${unreachable} broken connections, ${abandonedBulks} bulks given up, of which ${kept} are stored as a whole`,
    `  Postgres: ${account.events} events, ${account.deliveries} deliveries, ${account.retried} with more than one attempt`,
    `  receivers: ${account.twice.length} deliveries arrived twice${explained && ` (${explained})`}, ${account.problems.length} problems`,
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}

function countEach(items: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return [...counts].map(([item, count]) => `${count} × ${item}`).join(', ')
}
