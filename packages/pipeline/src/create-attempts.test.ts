import { expect, test } from '@jest/globals'
import { type AttemptRecord, type ClaimedRow, type DispatchTarget, SignalboxError } from '@signalbox/domain'
import { type Attempts, createAttempts } from './create-attempts.js'
import type { DispatchDeps } from './dispatch-deliveries.js'

// What recording does when it fails: who fails with whom. With Postgres and real receivers it is in tests/e2e.

const NOW = new Date('2026-05-01T12:00:00Z')

const TARGET: DispatchTarget = {
  type: 'WEBHOOK',
  laneKey: 'l',
  environmentId: 'e',
  skipReason: null,
  endpointId: 'endpoint',
  url: 'https://receiver.test/',
  method: 'POST',
  headers: {},
  secrets: [],
  timeoutMs: 1_000,
  concurrency: 10,
  deliveriesInFlightMax: 10,
  retryPolicy: { delaysSeconds: [1] },
}

function makeDelivery(deliveryId: string): ClaimedRow {
  return {
    organizationId: 'o',
    environmentId: 'e',
    deliveryId,
    dispatcherId: 'd',
    attemptCount: 0,
    attemptOffset: 0,
    lease: 'lease',
    acceptedAt: NOW,
    eventId: deliveryId,
    name: 'x',
    source: 's',
    timestamp: NOW,
    body: { payload: '{}', context: '{}' },
    accountIdentifier: null,
    traceParent: null,
  }
}

/** Attempts that are all answered, and are recorded as the test says. */
function createAnswered(status: number, record: (ids: string[], records: AttemptRecord[]) => void) {
  const done = { told: [] as string[], published: [] as string[], disabled: 0, troubles: [] as string[] }
  const deps = {
    store: {
      recordAttempts: async (records: AttemptRecord[]) => {
        record(
          records.map(({ delivery }) => delivery.deliveryId),
          records,
        )
        return records.map(() => true)
      },
      disableEndpoint: async () => void (done.disabled += 1),
    },
    queue: {
      publishDispatch: async (refs: { deliveryId: string }[]) =>
        void done.published.push(...refs.map(({ deliveryId }) => deliveryId)),
    },
    ports: {
      now: () => NOW,
      sign: () => ({}),
      continueTrace: () => undefined,
      userAgent: 'test',
      send: async () => ({ kind: 'response', status, headers: {}, bodyStart: '', durationMs: 1, address: '8.8.8.8' }),
    },
    random: () => 0.5,
    observer: {
      onAttempt: ({ delivery }: AttemptRecord) => void done.told.push(delivery.deliveryId),
      onTrouble: (what: string) => void done.troubles.push(what),
    },
  } as unknown as DispatchDeps
  return { done, attempts: createAttempts(deps, async () => undefined) }
}

async function attemptAll(attempts: Attempts, ids: string[]): Promise<void> {
  for (const id of ids) attempts.start(makeDelivery(id), TARGET, { leave: () => undefined })
  await attempts.drain()
}

test('a record that can not be written even without its answer fails alone', async () => {
  const recorded: string[] = []
  const { done, attempts } = createAnswered(200, (ids) => {
    if (ids.includes('bad')) throw new Error('broken')
    recorded.push(...ids)
  })
  await attemptAll(attempts, ['a', 'bad', 'b', 'c'])
  expect([recorded, done.told]).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ])
  expect(done.troubles).toEqual(['delivery.record', 'delivery.attempt'])
})

test('a record that breaks the statement by its answer is written without it', async () => {
  const codes: (string | undefined)[] = []
  const { done, attempts } = createAnswered(200, (ids, [first]) => {
    if (ids.includes('bad') && first?.reading.errorCode === undefined) throw new Error('broken')
    codes.push(first?.reading.errorCode)
  })
  await attemptAll(attempts, ['bad', 'b'])
  expect(codes).toEqual(['unrecordable', undefined])
  expect(done.told).toEqual(['bad', 'b'])
})

test('storage that goes away between two halves fails only what it was asked to write then, after waiting for it', async () => {
  const recorded: string[] = []
  let isAway = false
  let asked = 0
  const { done, attempts } = createAnswered(500, (ids) => {
    if (ids.includes('bad')) throw new Error('broken')
    if (isAway && (asked += 1) === 1) throw new SignalboxError('storage_unavailable', 'away')
    recorded.push(...ids)
    isAway = true
  })
  await attemptAll(attempts, ['a', 'bad', 'b', 'c'])
  expect(recorded).toEqual(['a', 'b', 'c'])
  // Each retry is announced.
  expect(done.published).toEqual(['a', 'b', 'c'])
  expect(asked).toBeGreaterThan(1)
})
