import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'

/** Where a load goes, and what its events are marked with. */
export interface LoadOptions {
  readonly apiUrl: string
  readonly secretKey: string
  /** Event names begin with it, and every event has it in its context. */
  readonly run: string
  /** Also sends big bulks that no endpoint asks for, one right after another, and gives up those that fail. */
  readonly withBigBulks?: boolean
}

/** An event as a client knows it. */
export interface SentEvent {
  readonly id: string
  readonly name: string
  readonly kind: 'even' | 'odd'
  /** Events of one bulk request share a number: all or none of them may be stored. */
  readonly bulk: number | undefined
  /** `unknown`: given up after a 503 or a broken connection. */
  outcome: 'under way' | 'accepted' | 'refused' | 'unknown'
}

/** What the clients were told so far. */
export interface LoadCounts {
  accepted: number
  refused: number
  resent: number
  abandonedBulks: number
  /** Answers 503; those without `Retry-After` stand in `unexpected` too. */
  unavailable: number
  unreachable: number
  /** Answers that nobody should get. */
  readonly unexpected: string[]
}

/** Clients that send at a steady pace. */
export interface Load {
  readonly counts: Readonly<LoadCounts>
  readonly sent: ReadonlyMap<string, SentEvent>
  /** Sends nothing new; resolves once every event that clients insist on was answered. */
  finish(): Promise<void>
  /** Gives up at once. */
  abort(): Promise<void>
}

const SINGLE_SENDERS = 4
const SINGLE_PAUSE_MS = 50
const BULK_SENDERS = 2
const BULK_PAUSE_MS = 500
const BULK_EVENTS = 20
const BIG_BULK_SENDERS = 2
const BIG_BULK_PAUSE_MS = 50
const BIG_BULK_EVENTS = 200
const REFUSED_PAUSE_MS = 250
const RETRY_PAUSE_MS = 100
const ANSWER_TIMEOUT_MS = 20_000
/** Clients insist for this long on an answer. */
const INSIST_MS = 60_000
const RESENT_EVERY = 10
const DELAYED_EVERY = 9
const ID_CHARACTERS_MAX = 255

/** The last part of the names of events that no endpoint asks for. */
export const UNHEARD = 'unheard'
/** The last parts of the names of all others. */
export const EVENT_NAMES = ['order.created', 'order.paid', 'invoice.sent'] as const

interface Answer {
  readonly status: number
  readonly text: string
}

interface Clients extends LoadOptions {
  readonly pool: Pool
  readonly counts: LoadCounts
  readonly sent: Map<string, SentEvent>
  readonly finishing: AbortController
  readonly aborted: AbortController
  next: number
}

/** Starts sending: singles, bulks, and requests that are to be refused. */
export function startLoad(options: LoadOptions): Load {
  const clients: Clients = {
    ...options,
    pool: new Pool(options.apiUrl, {
      connections: SINGLE_SENDERS + BULK_SENDERS + BIG_BULK_SENDERS + 1,
      pipelining: 1,
    }),
    counts: {
      accepted: 0,
      refused: 0,
      resent: 0,
      abandonedBulks: 0,
      unavailable: 0,
      unreachable: 0,
      unexpected: [],
    },
    sent: new Map(),
    finishing: new AbortController(),
    aborted: new AbortController(),
    next: 0,
  }
  const running = Promise.all([
    ...Array.from({ length: SINGLE_SENDERS }, () => repeat(clients, SINGLE_PAUSE_MS, () => sendSingle(clients))),
    ...Array.from({ length: BULK_SENDERS }, () => repeat(clients, BULK_PAUSE_MS, (turn) => sendBulk(clients, turn))),
    ...Array.from({ length: options.withBigBulks === true ? BIG_BULK_SENDERS : 0 }, () =>
      repeat(clients, BIG_BULK_PAUSE_MS, () => sendBigBulk(clients)),
    ),
    repeat(clients, REFUSED_PAUSE_MS, (turn) => sendRefused(clients, turn)),
  ])
  // A sender that fails is told by `finish`; until then it is nobody's unhandled rejection.
  running.catch(() => undefined)
  return {
    counts: clients.counts,
    sent: clients.sent,
    async finish() {
      clients.finishing.abort()
      try {
        await running
      } finally {
        await clients.pool.destroy()
      }
    },
    async abort() {
      clients.finishing.abort()
      clients.aborted.abort()
      await clients.pool.destroy()
      await running.catch(() => undefined)
    },
  }
}

async function repeat(clients: Clients, pauseMs: number, send: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = 0; !clients.finishing.signal.aborted; turn += 1) {
    await send(turn)
    await sleep(pauseMs, undefined, { signal: clients.finishing.signal }).catch(() => undefined)
  }
}

async function sendSingle(clients: Clients): Promise<void> {
  const number = clients.next
  const event = makeEvent(clients)
  const options = number % DELAYED_EVERY === 0 ? { deliverAfter: 1 + (number % 2) } : {}
  const answer = await postUntilAnswered(clients, '/api/v1/events', { event: describe(clients, event, 1), options })
  settle(clients, [event], answer)
  if (number % RESENT_EVERY !== 0) return
  // The same id once more, with other data: it is the same event, and what was said first holds.
  const again = await postUntilAnswered(clients, '/api/v1/events', { event: describe(clients, event, 2), options })
  clients.counts.resent += 1
  if (again.status !== 200) clients.counts.unexpected.push(`sent again: ${again.status} ${again.text}`)
}

async function sendBulk(clients: Clients, turn: number): Promise<void> {
  const bulk = clients.next
  const events = Array.from({ length: BULK_EVENTS }, () => makeEvent(clients, bulk))
  const body = { events: events.map((event) => describe(clients, event, 1)) }
  const path = '/api/v1/events/bulk'
  if (turn % 2 === 0) return settle(clients, events, await postUntilAnswered(clients, path, body))
  // This client gives up at the first trouble: what became of its request is then for Postgres to say.
  settleOrGiveUp(clients, events, await post(clients, path, body))
}

async function sendBigBulk(clients: Clients): Promise<void> {
  const bulk = clients.next
  const events = Array.from({ length: BIG_BULK_EVENTS }, () => makeEvent(clients, bulk, UNHEARD))
  const body = { events: events.map((event) => describe(clients, event, 1)) }
  settleOrGiveUp(clients, events, await post(clients, '/api/v1/events/bulk', body))
}

/** Requests that have to be refused, whatever goes on: a part of them alone would be acceptable. */
async function sendRefused(clients: Clients, turn: number): Promise<void> {
  const kind = (['nameless', 'bulk', 'wrong key'] as const)[turn % 3]
  const events = Array.from({ length: kind === 'bulk' ? 3 : 1 }, () => makeEvent(clients))
  for (const event of events) event.outcome = 'refused'
  const described = events.map((event, index) => {
    const isBad = kind === 'nameless' || (kind === 'bulk' && index === 1)
    return { ...describe(clients, event, 1), ...(isBad && { name: '' }) }
  })
  const answer =
    kind === 'bulk'
      ? await post(clients, '/api/v1/events/bulk', { events: described })
      : await post(clients, '/api/v1/events', { event: described[0] }, kind === 'wrong key')
  if (answer === undefined) return
  if (answer.status >= 400 && answer.status < 500) clients.counts.refused += events.length
  else clients.counts.unexpected.push(`${kind}: ${answer.status} ${answer.text}`)
}

function makeEvent(clients: Clients, bulk?: number, lastName?: string): SentEvent {
  const number = clients.next
  clients.next += 1
  const plain = `${clients.run}-${number}`
  const id = [plain, randomUUID(), `${clients.run}/ü 😀 #${number}`, plain.padEnd(ID_CHARACTERS_MAX, '.')][number % 4]
  const event: SentEvent = {
    id: id ?? plain,
    name: `${clients.run}.${lastName ?? EVENT_NAMES[number % EVENT_NAMES.length]}`,
    kind: number % 2 === 0 ? 'even' : 'odd',
    bulk,
    outcome: 'under way',
  }
  clients.sent.set(event.id, event)
  return event
}

function describe({ run }: Clients, { id, name, kind }: SentEvent, revision: number): object {
  return { id, name, payload: { kind, revision }, context: { run } }
}

function settle(clients: Clients, events: readonly SentEvent[], { status, text }: Answer): void {
  if (status !== 200) {
    clients.counts.unexpected.push(`${status} ${text}`)
    return
  }
  for (const event of events) event.outcome = 'accepted'
  clients.counts.accepted += events.length
}

function settleOrGiveUp(clients: Clients, events: readonly SentEvent[], answer: Answer | undefined): void {
  if (answer !== undefined) return settle(clients, events, answer)
  clients.counts.abandonedBulks += 1
  for (const event of events) event.outcome = 'unknown'
}

/** Sends the very same request again while there is no connection or the answer is 503. */
async function postUntilAnswered(clients: Clients, path: string, body: object): Promise<Answer> {
  const deadline = performance.now() + INSIST_MS
  for (;;) {
    const answer = await post(clients, path, body)
    if (answer !== undefined) return answer
    clients.aborted.signal.throwIfAborted()
    if (performance.now() > deadline) throw new Error(`no answer to ${path} in ${INSIST_MS} ms`)
    await sleep(RETRY_PAUSE_MS)
  }
}

/** One request; undefined when there was no answer, or 503. */
async function post(clients: Clients, path: string, body: object, isWrongKey = false): Promise<Answer | undefined> {
  const { counts, pool, secretKey } = clients
  try {
    const response = await pool.request({
      method: 'POST',
      path,
      headers: {
        authorization: `Bearer ${secretKey}${isWrongKey ? 'x' : ''}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      signal: clients.aborted.signal,
    })
    const text = await response.body.text()
    if (response.statusCode !== 503) return { status: response.statusCode, text }
    counts.unavailable += 1
    if (response.headers['retry-after'] === undefined) counts.unexpected.push(`503 without Retry-After: ${text}`)
  } catch {
    counts.unreachable += 1
  }
  return undefined
}
