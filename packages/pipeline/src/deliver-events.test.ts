import { expect, test } from '@jest/globals'
import {
  type DeliverDecision,
  type EventRef,
  type MatchableBody,
  parseFilter,
  type UndeliveredEvent,
} from '@signalbox/domain'
import { makeRule } from '../test/cached-rules.js'
import { createFakeRules } from '../test/fake-rules.js'
import { createDeliverEvents } from './deliver-events.js'

// What is wrong with an index can't be brought about with Postgres; everything else is tested in tests/e2e.

const SCOPE = { organizationId: 'o', environmentId: 'e' }

function makeEvent(eventRecordId: string): UndeliveredEvent {
  return {
    ...SCOPE,
    eventRecordId,
    name: 'x',
    source: 's',
    externalAccountId: null,
    payloadType: eventRecordId === 'bad' ? 'REQUEST' : 'JSON',
    dispatcherSetVersion: '1',
    fanoutMax: 10,
  }
}

test('an event on which the rules break is held back, and the others meet rules that were loaded anew', async () => {
  const rules = createFakeRules()
  const parsed = parseFilter({ v: [1] })
  if (!parsed.ok) throw new Error('no filter')
  rules.change(SCOPE, [
    {
      id: 'd',
      eventNames: ['*'],
      source: '*',
      filterLanguage: 'signalbox',
      payloadFilter: parsed.filter,
      contextFilter: null,
      externalAccountId: null,
      expiresAt: null,
      once: false,
    },
  ])
  const written: DeliverDecision[] = []
  const failed: unknown[] = []
  const broken = new TypeError('damaged')
  const body: MatchableBody = {
    payload: '{"v":1}',
    context: '{}',
    eventId: 'e',
    timestamp: new Date(),
    accountIdentifier: null,
  }
  const breaking = Object.defineProperty({ ...body }, 'payload', {
    get: () => {
      throw broken
    },
  })
  const bodies = new Map([
    ['breaking', breaking],
    ['bad', { ...body, payload: '5' }],
  ])
  const delivering = createDeliverEvents({
    store: {
      ...rules,
      loadUndelivered: async (refs: EventRef[]) => refs.map((ref) => makeEvent(ref.eventRecordId)),
      loadBodies: async (refs: EventRef[]) =>
        new Map(refs.map(({ eventRecordId: id }) => [id, bodies.get(id) ?? body])),
      writeDeliveries: async (decisions) => {
        written.push(...decisions)
        return []
      },
    },
    queue: { publishDispatch: async () => {}, publishDeliver: async () => {} },
    now: () => new Date(),
    matchersBytesMax: 2 ** 30,
    observer: { onMatchFailed: (error, { eventRecordId }) => void failed.push([error, eventRecordId]) },
  })
  const refs = ['first', 'breaking', 'bad', 'last'].map((eventRecordId) => ({ organizationId: 'o', eventRecordId }))
  expect(await delivering.deliver(refs)).toMatchObject({ events: 3, failed: 1, parked: 0 })
  expect(failed).toEqual([[broken, 'breaking']])
  expect(written.map(({ eventRecordId, failure }) => [eventRecordId, failure === null])).toEqual([
    ['first', true],
    ['bad', false],
    ['last', true],
  ])
  expect(rules.calls).toEqual(['page', 'page'])
  await delivering.stop()
})

test.each([
  { what: 'groups', once: false, dispatchers: 1, atOnce: 1 },
  { what: 'groups that may wait for locks', once: true, dispatchers: 1, atOnce: 3 },
  { what: 'large groups', once: false, dispatchers: 1_001, atOnce: 3 },
])('of $what a worker writes $atOnce at a time', async ({ once, dispatchers, atOnce }) => {
  const rules = createFakeRules()
  rules.change(
    SCOPE,
    Array.from({ length: dispatchers }, (_, index) => makeRule(`d${String(index).padStart(4, '0')}`, { once })),
  )
  let writing = 0
  let writingMax = 0
  const delivering = createDeliverEvents({
    store: {
      ...rules,
      loadUndelivered: async (refs: EventRef[]) =>
        refs.map((ref) => ({ ...makeEvent(ref.eventRecordId), fanoutMax: 2_000 })),
      loadBodies: async () => new Map(),
      writeDeliveries: async () => {
        writing += 1
        writingMax = Math.max(writingMax, writing)
        for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve))
        writing -= 1
        return []
      },
    },
    queue: { publishDispatch: async () => {}, publishDeliver: async () => {} },
    now: () => new Date(),
    matchersBytesMax: 2 ** 30,
  })
  const deliverOne = (eventRecordId: string) => delivering.deliver([{ organizationId: 'o', eventRecordId }])
  await deliverOne('rules are loaded')
  writingMax = 0
  await Promise.all(['one', 'two', 'three'].map(deliverOne))
  expect(writingMax).toBe(atOnce)
  await delivering.stop()
})
