import {
  SignalboxError,
  type AcceptedEvent,
  type Environment,
  type NewEvent,
  type TenantScope,
  type EventRef,
  type IdempotentRequest,
  type RequestOutcome,
  type ScopedEvent,
  type StoredEvent,
} from '@signalbox/domain'
import { createGroupCommit, type GroupCommit } from './group-commit.js'
import { runInHalves } from './run-in-halves.js'

/** The store that makes events durable. Each method is one transaction; both follow the rules for re-sent ids. */
export interface AcceptStore {
  /** Different ids only. Events of one request are stored together or not at all. */
  acceptGroup(events: ScopedEvent[], isAtomic: boolean): Promise<StoredEvent[]>
  /** One request on its own: ids may repeat, and an idempotency key is claimed in the same transaction. */
  acceptRequest(events: ScopedEvent[], idempotency?: IdempotentRequest): Promise<RequestOutcome>
}

/** Finds (and, where the environment says so, makes) the external accounts that events name. */
export interface AccountResolver {
  resolveAccounts(wanted: (TenantScope & { identifier: string; create: boolean })[]): Promise<(string | undefined)[]>
}

/** Where accepted events are announced. Losing an announcement loses nothing: the outbox has it. */
export interface DeliverQueue {
  publishDeliver(refs: EventRef[]): Promise<void>
}

/** All or none of the events of one request, of one environment. */
export interface AcceptRequest {
  environment: Environment
  events: NewEvent[]
  /** About what it holds in memory: the length of what was sent. */
  bytes: number
  idempotency?: IdempotentRequest
}

/** `ok` means durable. */
export type AcceptOutcome =
  | { ok: true; events: AcceptedEvent[] }
  | { ok: true; replayed: { status: number; body: string } }
  | { ok: false; code: 'unknown_account'; index: number }
  | { ok: false; code: 'idempotency_conflict' }

/**
 * Accepts one request. Throws `overloaded`: then nothing of the request is stored; or `storage_unavailable`: then it may
 * be, when the connection was lost while the commit was under way. Sending it again with the same ids stores it once.
 */
export type AcceptEvents = (request: AcceptRequest) => Promise<AcceptOutcome>

/** What accepting needs. `onAccepted` is told once for each group, for logs and metrics. */
export interface AcceptDeps {
  store: AcceptStore
  accounts: AccountResolver
  queue: DeliverQueue
  onAccepted?: (group: { events: number; requests: number; durationMs: number }) => void
  onPublishFailed?: (error: unknown, count: number) => void
}

/** Rows and bytes of one statement, groups at one time, and what waits. More in one bring little, and cost latency. */
const GROUP_EVENTS_MAX = 500
const GROUP_BYTES_MAX = 4 * 1024 * 1024
const GROUPS_IN_FLIGHT_MAX = 2
const WAITING_EVENTS_MAX = 20_000
const WAITING_BYTES_MAX = 64 * 1024 * 1024

/** Requests that wait behind one with the same event id: each takes a group of its own, a few milliseconds. */
const SAME_ID_WAITING_MAX = 100

/** Requests that need a transaction of their own hold a connection for several statements: they must leave some. */
const ALONE_IN_FLIGHT_MAX = 4
const ALONE_WAITING_MAX = 400
const ALONE_WAITING_BYTES_MAX = 32 * 1024 * 1024

type AcceptSteps = AcceptDeps & { announce: (stored: StoredEvent[]) => void }

/** Ids of one announcement, and ids that wait for theirs; those over it are left to the scheduler. */
const ANNOUNCED_MAX = 500
const UNANNOUNCED_MAX = 50_000

/** Creates the use case: resolve accounts → store as a group → answer → announce. */
export function createAcceptEvents(deps: AcceptDeps): { accept: AcceptEvents; drain: () => Promise<void> } {
  // What is stored while an announcement is under way makes up the next one: under load one job is many groups.
  const announcements = createGroupCommit<EventRef[], void>({
    weightMax: ANNOUNCED_MAX,
    inFlightMax: 1,
    waitingMax: UNANNOUNCED_MAX,
    weigh: (refs) => refs.length,
    run: async (groups) => {
      await deps.queue.publishDeliver(groups.flat())
      return groups.map(() => undefined)
    },
  })
  const steps: AcceptSteps = {
    ...deps,
    // After the commit, and nobody waits for it: the answer is 200 also when Redis is down.
    announce: (stored) => {
      const due = stored.filter((one) => one.isDue).map((one) => one.ref)
      if (due.length === 0) return
      announcements.add(due).catch((error: unknown) => deps.onPublishFailed?.(error, due.length))
    },
  }
  const groups = createGroups(steps)
  const alone = createGroupCommit<AcceptRequest, AcceptOutcome>({
    weightMax: 1,
    inFlightMax: ALONE_IN_FLIGHT_MAX,
    waitingMax: ALONE_WAITING_MAX,
    waitingBytesMax: ALONE_WAITING_BYTES_MAX,
    bytesOf: (request) => request.bytes,
    ownerOf: (request) => request.environment.environmentId,
    run: (requests) => Promise.all(requests.map((request) => withAccounts(() => acceptAlone(steps, request)))),
  })
  return {
    accept: (request) => (needsOwnTransaction(request) ? alone : groups).add(request),
    drain: async () => {
      await Promise.all([groups.drain(), alone.drain()])
      await announcements.drain()
    },
  }
}

function createGroups(steps: AcceptSteps): GroupCommit<AcceptRequest, AcceptOutcome> {
  return createGroupCommit<AcceptRequest, AcceptOutcome>({
    weightMax: GROUP_EVENTS_MAX,
    groupBytesMax: GROUP_BYTES_MAX,
    inFlightMax: GROUPS_IN_FLIGHT_MAX,
    waitingMax: WAITING_EVENTS_MAX,
    waitingBytesMax: WAITING_BYTES_MAX,
    keyWaitingMax: SAME_ID_WAITING_MAX,
    weigh: (request) => request.events.length,
    bytesOf: (request) => request.bytes,
    ownerOf: (request) => request.environment.environmentId,
    keysOf: (request) => request.events.map((event) => `${request.environment.environmentId} ${event.eventId}`),
    // Each half anew: an account may go while one request's data is looked for.
    run: (requests) => runInHalves(requests, (part) => withAccounts(() => acceptGroup(steps, part))),
  })
}

function needsOwnTransaction(request: AcceptRequest): boolean {
  if (request.idempotency !== undefined) return true
  if (request.events.length === 1) return false
  return new Set(request.events.map((event) => event.eventId)).size < request.events.length
}

/** Each round is lost only to an account that is deleted between finding and using it. */
const ACCOUNT_ROUNDS_MAX = 8

// An account that is gone is found, made or refused anew; nothing was stored.
async function withAccounts<Result>(store: () => Promise<Result>): Promise<Result> {
  for (let round = 1; ; round++) {
    try {
      return await store()
    } catch (error) {
      if (!(error instanceof SignalboxError) || error.code !== 'account_gone' || round === ACCOUNT_ROUNDS_MAX)
        throw error
    }
  }
}

async function acceptGroup(deps: AcceptSteps, requests: AcceptRequest[]): Promise<AcceptOutcome[]> {
  const startedAt = performance.now()
  const resolved = await resolveAccounts(deps.accounts, requests)
  const scoped = resolved.flatMap((entry) => (entry.ok ? entry.events : []))
  const isAtomic = requests.some((request) => request.events.length > 1)
  const stored = scoped.length === 0 ? [] : await deps.store.acceptGroup(scoped, isAtomic)
  deps.announce(stored)
  deps.onAccepted?.({ events: stored.length, requests: requests.length, durationMs: performance.now() - startedAt })
  return answerEach(resolved, stored)
}

async function acceptAlone(deps: AcceptSteps, request: AcceptRequest): Promise<AcceptOutcome> {
  const startedAt = performance.now()
  const [resolved] = await resolveAccounts(deps.accounts, [request])
  if (resolved === undefined || !resolved.ok) return resolved?.outcome ?? { ok: true, events: [] }
  const outcome = await deps.store.acceptRequest(resolved.events, request.idempotency)
  if (outcome.kind === 'conflict') return { ok: false, code: 'idempotency_conflict' }
  if (outcome.kind === 'replayed') return { ok: true, replayed: { status: outcome.status, body: outcome.body } }
  deps.announce(outcome.events)
  const durationMs = performance.now() - startedAt
  deps.onAccepted?.({ events: outcome.events.length, requests: 1, durationMs })
  return { ok: true, events: outcome.events.map((stored) => stored.accepted) }
}

type Resolved = { ok: true; events: ScopedEvent[] } | { ok: false; outcome: AcceptOutcome }

async function resolveAccounts(accounts: AccountResolver, requests: AcceptRequest[]): Promise<Resolved[]> {
  const wanted = requests.flatMap(({ environment, events }) =>
    events.flatMap(({ accountId }) =>
      accountId === undefined
        ? []
        : [{ ...scopeOf(environment), identifier: accountId, create: environment.unknownAccounts === 'create' }],
    ),
  )
  const ids = wanted.length === 0 ? [] : await accounts.resolveAccounts(wanted)
  let next = 0
  return requests.map(({ environment, events }): Resolved => {
    const { organizationId, environmentId } = environment
    let unknownAt: number | undefined
    const scoped = events.map((event, index) => {
      const id = event.accountId === undefined ? undefined : ids[next++]
      if (id === undefined && event.accountId !== undefined && environment.unknownAccounts === 'reject') {
        unknownAt ??= index
      }
      const accountIdentifier = id === undefined ? null : (event.accountId ?? null)
      return { organizationId, environmentId, event, externalAccountId: id ?? null, accountIdentifier }
    })
    if (unknownAt === undefined) return { ok: true, events: scoped }
    return { ok: false, outcome: { ok: false, code: 'unknown_account', index: unknownAt } }
  })
}

function scopeOf(environment: Environment): TenantScope {
  return { organizationId: environment.organizationId, environmentId: environment.environmentId }
}

function answerEach(resolved: Resolved[], stored: StoredEvent[]): AcceptOutcome[] {
  let next = 0
  return resolved.map((entry) => {
    if (!entry.ok) return entry.outcome
    const events = stored.slice(next, (next += entry.events.length))
    return { ok: true, events: events.map((one) => one.accepted) }
  })
}
