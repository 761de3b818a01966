import { describe, expect, test } from '@jest/globals'
import { takeAccount, type Evidence, type StoredDelivery } from './account.js'
import type { SentEvent } from './load.js'
import type { Arrival } from './receiver.js'

const succeeded = { outcome: 'succeeded', status: 200 }
const body = (revision: number) => JSON.stringify({ id: 'e1', data: { revision } })
const arrival = (at: number, more: Partial<Arrival> = {}): Arrival => {
  const usual = { webhookId: 'd1', eventId: 'e1', body: body(1), at, status: 200 }
  return { ...usual, ...more }
}
const sentEvent = (more: Partial<SentEvent> = {}): SentEvent => {
  const usual = { id: 'e1', name: 'n', kind: 'odd', bulk: undefined, outcome: 'accepted' } as const
  return { ...usual, ...more }
}

interface Case {
  sent?: SentEvent[]
  delivery?: Partial<StoredDelivery>
  isStored?: boolean
  arrivals?: Arrival[]
  faults?: Evidence['faults']
}

function account({ sent = [sentEvent()], delivery = {}, isStored = true, arrivals = [arrival(1)], faults = [] }: Case) {
  const stored = { id: 'd1', endpointId: 'w1', state: 'succeeded', attempts: [succeeded], ...delivery }
  return takeAccount({
    sent: new Map(sent.map((event) => [event.id, event])),
    stored: isStored ? [{ eventId: 'e1', isDelivered: true, deliveries: [stored] }] : [],
    subscribers: [
      {
        name: 'r1',
        endpointId: 'w1',
        arrivals: new Map([[arrivals[0]?.webhookId ?? '', arrivals]]),
        wants: () => true,
      },
    ],
    faults,
  })
}

// What judges the system must itself be able to find fault.
describe('takeAccount', () => {
  test('an event that was accepted, delivered and arrived once is no problem', () => {
    expect(account({})).toEqual({ events: 1, deliveries: 1, retried: 0, twice: [], problems: [] })
  })

  test.each<[string, Case, RegExp]>([
    ['accepted and not stored', { isStored: false, arrivals: [] }, /answered 200 and is not stored/],
    ['refused and stored', { sent: [sentEvent({ outcome: 'refused' })] }, /was refused and is stored/],
    ['never answered', { sent: [sentEvent({ outcome: 'under way' })] }, /never answered/],
    ['stored and never sent', { sent: [] }, /never sent/],
    ['half a bulk', { sent: [sentEvent({ bulk: 1 }), sentEvent({ id: 'e2', bulk: 1, outcome: 'unknown' })] }, /1 of 2/],
    ['a delivery for an endpoint that nobody made', { delivery: { endpointId: 'w2' } }, /never arrived/],
    ['dead', { delivery: { state: 'dead' } }, /is dead/],
    ['recorded twice', { delivery: { attempts: [succeeded, succeeded] } }, /succeeded, succeeded/],
    ['recorded and never arrived', { arrivals: [] }, /never arrived/],
    ['another event', { arrivals: [arrival(1, { eventId: 'e2' })] }, /arrived as event e2/],
    ['data of the second sending', { arrivals: [arrival(1, { body: body(2) })] }, /sent later/],
    [
      'another body at the second attempt',
      { arrivals: [arrival(1), arrival(2, { body: body(3) })] },
      /different bodies/,
    ],
    ['an arrival of nothing', { arrivals: [arrival(1, { webhookId: 'd9' })] }, /not in Postgres/],
    ['twice without a fault', { arrivals: [arrival(1), arrival(2)] }, /no fault explains it/],
  ])('%s is a problem', (_name, given, expected) => {
    expect(account(given).problems.join('\n')).toMatch(expected)
  })

  const kill = (at: number, forgetsAttempts = true) => ({ what: 'a kill', at, forgetsAttempts })
  test.each<[string, Evidence['faults'], number, number]>([
    ['a kill in between', [kill(50_000)], 49_000, 60_000],
    ['a kill before the first', [kill(40_000)], 49_000, 60_000],
    ['a kill after the second', [kill(70_000)], 49_000, 60_000],
    ['a kill long after the first was recorded', [kill(55_000)], 49_000, 60_000],
    ['a kill of what holds no attempts', [kill(50_000, false)], 49_000, 60_000],
  ])('arriving twice: %s', (name, faults, first, again) => {
    const { twice } = account({ arrivals: [arrival(first), arrival(again)], faults })
    expect(twice).toEqual([{ deliveryId: 'd1', explanation: name === 'a kill in between' ? 'a kill' : undefined }])
  })

  test('what a receiver refused, or did not answer in time, arrives again rightly', () => {
    const refused = { delivery: { attempts: [{ outcome: 'busy', status: 500 }, succeeded] } }
    const again = account({ ...refused, arrivals: [arrival(1, { status: 500 }), arrival(2)] })
    expect(again).toMatchObject({ twice: [], problems: [], retried: 1 })
    const failed = { delivery: { attempts: [{ outcome: 'failed', status: null }, succeeded] } }
    expect(account({ ...failed, arrivals: [arrival(1), arrival(2)] })).toMatchObject({ twice: [], problems: [] })
    expect(account({ ...failed, arrivals: [arrival(1), arrival(2), arrival(3)] }).twice).toHaveLength(1)
  })
})
