import type { Fault } from './fault-stack.js'
import type { SentEvent } from './load.js'
import type { Arrival } from './receiver.js'

/** A webhook endpoint with its receiver, and the events that are its. */
export interface Subscriber {
  readonly name: string
  readonly endpointId: string
  readonly arrivals: ReadonlyMap<string, readonly Arrival[]>
  readonly wants: (event: Pick<SentEvent, 'name' | 'kind'>) => boolean
}

/** An event as Postgres has it, with what became of it. */
export interface StoredEvent {
  readonly eventId: string
  readonly isDelivered: boolean
  readonly deliveries: readonly StoredDelivery[]
}

export interface StoredDelivery {
  readonly id: string
  readonly endpointId: string
  readonly state: string
  /** Outcomes and statuses of its attempts, in order. */
  readonly attempts: readonly { readonly outcome: string; readonly status: number | null }[]
}

/** What is known once all has settled. */
export interface Evidence {
  readonly sent: ReadonlyMap<string, SentEvent>
  readonly stored: readonly StoredEvent[]
  readonly subscribers: readonly Subscriber[]
  readonly faults: readonly Fault[]
}

/** Count in = count out, by id. */
export interface Account {
  readonly events: number
  readonly deliveries: number
  /** Deliveries that were refused by their receiver and made again. */
  readonly retried: number
  /** What a receiver that had answered 200 got once more, and which fault lies between. */
  readonly twice: readonly { readonly deliveryId: string; readonly explanation: string | undefined }[]
  /** What must not be; empty when all is well. */
  readonly problems: readonly string[]
}

/** An arrival may be looked at a little after the fault that followed it: it stood in a socket meanwhile. */
const LATE_MS_MAX = 3_000
/** What a fault cut off had arrived at most this long before: from then on it was answered and recorded. */
const CUT_OFF_MS_MAX = 5_000
const PROBLEMS_MAX = 20

/** Compares what clients were told, what Postgres has and what receivers got. */
export function takeAccount(evidence: Evidence): Account {
  const problems: string[] = []
  const twice: { deliveryId: string; explanation: string | undefined }[] = []
  let retried = 0
  const storedById = new Map(evidence.stored.map((event) => [event.eventId, event]))
  for (const event of evidence.sent.values()) problems.push(...checkStored(event, storedById.has(event.id)))
  problems.push(...checkBulks(evidence.sent, storedById))
  for (const event of evidence.stored) {
    problems.push(...checkFanOut(event, evidence))
    for (const delivery of event.deliveries) {
      const subscriber = evidence.subscribers.find(({ endpointId }) => endpointId === delivery.endpointId)
      const arrivals = subscriber?.arrivals.get(delivery.id) ?? []
      problems.push(...checkDelivery(event, delivery, arrivals))
      if (delivery.attempts.length > 1) retried += 1
      for (const again of findRepeats(delivery, arrivals)) {
        twice.push({ deliveryId: delivery.id, explanation: explain(again, evidence.faults)?.what })
      }
    }
  }
  problems.push(...checkForeign(evidence))
  for (const { deliveryId, explanation } of twice) {
    if (explanation === undefined) problems.push(`delivery ${deliveryId} arrived twice, and no fault explains it`)
  }
  const deliveries = evidence.stored.reduce((sum, event) => sum + event.deliveries.length, 0)
  return { events: evidence.stored.length, deliveries, retried, twice, problems: problems.slice(0, PROBLEMS_MAX) }
}

function checkStored(event: SentEvent, isStored: boolean): string[] {
  if (event.outcome === 'accepted' && !isStored) return [`event ${event.id} was answered 200 and is not stored`]
  if (event.outcome === 'refused' && isStored) return [`event ${event.id} was refused and is stored`]
  if (event.outcome === 'under way') return [`event ${event.id} was never answered`]
  return []
}

/** A bulk request that nobody knows the end of is stored as a whole or not at all. */
function checkBulks(sent: Evidence['sent'], stored: ReadonlyMap<string, StoredEvent>): string[] {
  const bulks = new Map<number, { all: number; stored: number }>()
  for (const { id, bulk } of sent.values()) {
    if (bulk === undefined) continue
    const counts = bulks.get(bulk) ?? { all: 0, stored: 0 }
    bulks.set(bulk, { all: counts.all + 1, stored: counts.stored + (stored.has(id) ? 1 : 0) })
  }
  return [...bulks]
    .filter(([, counts]) => counts.stored !== 0 && counts.stored !== counts.all)
    .map(([bulk, counts]) => `bulk ${bulk}: ${counts.stored} of ${counts.all} events are stored`)
}

/** Every endpoint that wants the event has one delivery of it, and no other has any. */
function checkFanOut(event: StoredEvent, { sent, subscribers }: Evidence): string[] {
  const known = sent.get(event.eventId)
  if (known === undefined) return [`event ${event.eventId} is stored and was never sent`]
  if (!event.isDelivered) return [`event ${event.eventId} is stored and not delivered`]
  const wanted = subscribers.filter(({ wants }) => wants(known)).map(({ endpointId }) => endpointId)
  const found = event.deliveries.map(({ endpointId }) => endpointId)
  return wanted.toSorted().join() === found.toSorted().join()
    ? []
    : [`event ${event.eventId}: ${wanted.length} endpoints want it, ${found.length} deliveries were made`]
}

/** It succeeded, once, at the end; the receiver got the event as it was first sent, the same at each attempt. */
function checkDelivery(event: StoredEvent, delivery: StoredDelivery, arrivals: readonly Arrival[]): string[] {
  const what = `delivery ${delivery.id} of event ${event.eventId}`
  const outcomes = delivery.attempts.map(({ outcome }) => outcome)
  const problems: string[] = []
  if (delivery.state !== 'succeeded' || outcomes.at(-1) !== 'succeeded' || outcomes.slice(0, -1).includes('succeeded'))
    problems.push(`${what} is ${delivery.state} after the attempts ${outcomes.join(', ')}`)
  if (!arrivals.some(({ status }) => status === 200)) problems.push(`${what} never arrived`)
  if (new Set(arrivals.map(({ body }) => body)).size > 1) problems.push(`${what} arrived with different bodies`)
  for (const { eventId, body } of arrivals.slice(0, 1)) {
    const { data } = JSON.parse(body) as { data?: { revision?: number } }
    if (eventId !== event.eventId) problems.push(`${what} arrived as event ${eventId}`)
    if (data?.revision !== 1) problems.push(`${what} arrived with data that was sent later`)
  }
  return problems
}

/** What arrived is stored: nothing that was rolled back is delivered. */
function checkForeign({ stored, subscribers }: Evidence): string[] {
  const made = new Set(stored.flatMap((event) => event.deliveries.map(({ id }) => id)))
  return subscribers.flatMap(({ name, arrivals }) =>
    [...arrivals.values()]
      .flat()
      .filter(({ webhookId }) => !made.has(webhookId))
      .map(({ webhookId, eventId }) => `${name} got ${webhookId} of event ${eventId}, which is not in Postgres`),
  )
}

/** Pairs of arrivals where the receiver meant to take the first and no recorded attempt says that it failed. */
function findRepeats(delivery: StoredDelivery, arrivals: readonly Arrival[]): [Arrival, Arrival][] {
  const taken = arrivals.filter(({ status }) => status === 200 || status === null)
  // Attempts that ended without an answer are recorded as such, and were made again for that reason.
  let unanswered = delivery.attempts.filter(({ outcome }) => outcome === 'failed').length
  const repeats: [Arrival, Arrival][] = []
  for (const [index, again] of taken.entries()) {
    const first = taken[index - 1]
    if (first === undefined) continue
    if (unanswered > 0) unanswered -= 1
    else repeats.push([first, again])
  }
  return repeats
}

/** A fault that fell between the first arrival and its record, and before the second. */
function explain([first, again]: [Arrival, Arrival], faults: readonly Fault[]): Fault | undefined {
  return faults.find(
    ({ at, forgetsAttempts }) =>
      forgetsAttempts && at > first.at - LATE_MS_MAX && at < first.at + CUT_OFF_MS_MAX && at <= again.at,
  )
}
