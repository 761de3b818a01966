import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import {
  createId,
  DEFAULT_LIMITS,
  type Environment,
  type NewEvent,
  type RequestOutcome,
  type ScopedEvent,
  SignalboxError,
  type StoredEvent,
} from '@signalbox/domain'
import { type AcceptRequest, createAcceptEvents } from './accept-events.js'

const ENVIRONMENT: Environment = {
  organizationId: createId(),
  environmentId: createId(),
  projectId: createId(),
  type: 'PRODUCTION',
  unknownAccounts: 'ignore',
  limits: DEFAULT_LIMITS,
}
const OTHER: Environment = { ...ENVIRONMENT, environmentId: createId() }

function makeEvent(eventId: string): NewEvent {
  const now = new Date()
  const given = { payload: false, payloadType: false, context: false }
  const rest = { name: 'a', source: 's', timestamp: now, payload: {}, payloadType: 'JSON', context: {} } as const
  return { id: createId(), eventId, ...rest, given, deliverAt: now, isTest: false }
}

function request(eventId: string, more: Partial<AcceptRequest> = {}): AcceptRequest {
  return { environment: ENVIRONMENT, events: [makeEvent(eventId)], bytes: 100, ...more }
}

const IDEMPOTENCY = {
  keyHash: Buffer.of(1),
  requestHash: Buffer.of(1),
  buildAnswer: () => ({ status: 200, body: '' }),
}

function toStored({ event, organizationId }: ScopedEvent): StoredEvent {
  const accepted = { ...event, deliveredAt: null, cancelledAt: null }
  return { accepted, ref: { organizationId, eventRecordId: event.id }, isDue: true }
}

/** Keeps events in memory. `refuses` makes a call fail; while it is held, calls do not end. */
function create(refuses: (events: ScopedEvent[]) => Error | undefined = () => undefined) {
  const calls: { isAlone: boolean; ids: string[] }[] = []
  const counts = { now: 0, most: 0 }
  let held: Promise<void> | undefined
  let letGo = (): void => undefined
  const store = async (events: ScopedEvent[], isAlone: boolean): Promise<StoredEvent[]> => {
    calls.push({ isAlone, ids: events.map((one) => one.event.eventId) })
    counts.most = Math.max(counts.most, (counts.now += 1))
    await (held ?? turn())
    counts.now -= 1
    const error = refuses(events)
    if (error !== undefined) throw error
    return events.map(toStored)
  }
  const { accept, drain } = createAcceptEvents({
    store: {
      acceptGroup: (events) => store(events, false),
      acceptRequest: async (events): Promise<RequestOutcome> => ({ kind: 'stored', events: await store(events, true) }),
    },
    accounts: { resolveAccounts: async (wanted) => wanted.map(() => undefined) },
    queue: { publishDeliver: async () => undefined },
  })
  const hold = (): void => void (held = new Promise((resolve) => (letGo = resolve)))
  const release = (): void => {
    held = undefined
    letGo()
  }
  return { accept, drain, calls, counts, hold, release }
}

function countFates(fates: PromiseSettledResult<unknown>[]): { stored: number; refused: number } {
  const stored = fates.filter((fate) => fate.status === 'fulfilled').length
  return { stored, refused: fates.length - stored }
}

describe('accepting events', () => {
  test('one id that is sent without end is refused to its sender, and to nobody else', async () => {
    const { accept, hold, release } = create()
    hold()
    const repeated = Promise.allSettled(Array.from({ length: 1_000 }, () => accept(request('same'))))
    const others = Promise.allSettled(
      Array.from({ length: 1_000 }, (_, index) => accept(request(`id-${index}`, { environment: OTHER }))),
    )
    release()
    expect(countFates(await repeated)).toEqual({ stored: 101, refused: 899 })
    expect(countFates(await others)).toEqual({ stored: 1_000, refused: 0 })
  })

  test('one environment fills a part of what may wait, in events and in bytes', async () => {
    const { accept, hold, release } = create()
    hold()
    const many = Promise.allSettled(Array.from({ length: 6_000 }, (_, index) => accept(request(`many-${index}`))))
    const bytes = 1024 * 1024
    const large = Promise.allSettled(
      Array.from({ length: 30 }, (_, index) => accept(request(`l-${index}`, { environment: OTHER, bytes }))),
    )
    const third = accept(request('third', { environment: { ...OTHER, environmentId: createId() } }))
    release()
    expect(countFates(await many)).toEqual({ stored: 5_000, refused: 1_000 })
    expect(countFates(await large)).toEqual({ stored: 16, refused: 14 })
    expect(await third).toMatchObject({ ok: true })
  })

  test('requests with a key of their own are few at one time, bounded in number, and leave groups alone', async () => {
    const { accept, drain, counts, hold, release } = create()
    hold()
    const alone = Promise.allSettled(
      Array.from({ length: 500 }, (_, index) => accept(request(`k-${index}`, { idempotency: IDEMPOTENCY }))),
    )
    const group = accept(request('one'))
    for (let round = 0; round < 10; round++) await turn()
    expect(counts.now).toBe(5)
    release()
    expect(await group).toMatchObject({ ok: true })
    expect(countFates(await alone)).toEqual({ stored: 100, refused: 400 })
    await drain()
    expect(counts.most).toBeLessThanOrEqual(5)
  })

  test('one request that breaks its group fails alone, after few further statements', async () => {
    const { accept, calls } = create((events) =>
      events.some((one) => one.event.eventId === 'id-77') ? new Error('broken') : undefined,
    )
    const fates = await Promise.allSettled(
      Array.from({ length: 500 }, (_, index) => accept(request(`id-${index}`, {}))),
    )
    expect(countFates(fates)).toEqual({ stored: 499, refused: 1 })
    expect(fates[77]?.status).toBe('rejected')
    expect(calls.length).toBeLessThan(25)
  })

  test('what is stored before the database goes away is answered so', async () => {
    let count = 0
    const { accept } = create(() => {
      count += 1
      if (count === 1) return new Error('broken')
      return count === 3 ? new SignalboxError('storage_unavailable', 'away') : undefined
    })
    const fates = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => accept(request(id))))
    expect(fates.map((fate) => fate.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
  })

  test('an account that goes while the request that breaks a group is looked for is looked up anew', async () => {
    let losses = 2
    const { accept, calls } = create((events) => {
      const ids = events.map((one) => one.event.eventId)
      if (ids.includes('broken')) return new Error('broken')
      return ids.includes('b') && (losses -= 1) >= 0 ? new SignalboxError('account_gone', 'gone') : undefined
    })
    const fates = await Promise.allSettled(['a', 'b', 'c', 'broken'].map((id) => accept(request(id))))
    expect(fates.map((fate) => fate.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
    expect(calls.filter(({ ids }) => ids.join() === 'a,b')).toHaveLength(3)
  })
})
