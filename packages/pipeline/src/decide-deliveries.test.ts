import { describe, expect, test } from '@jest/globals'
import { createEventMatcher } from '@signalbox/domain'
import { makeRule } from '../test/cached-rules.js'
import { decideDeliveries, withBody } from './decide-deliveries.js'

const NOW = new Date()

function decide(rules: { id: string; once?: boolean }[], fanoutMax: number) {
  const matcher = createEventMatcher()
  for (const { id, once = false } of rules) matcher.add(makeRule(id, { once }))
  const event = withBody({
    organizationId: 'o',
    environmentId: 'e',
    eventRecordId: 'r',
    name: 'n',
    source: 's',
    externalAccountId: null,
    payloadType: 'JSON',
    dispatcherSetVersion: '1',
    fanoutMax,
  })
  const { deliveries, spares, fanoutLimited } = decideDeliveries(event, matcher, NOW)
  const ids = (list: typeof deliveries = []): string[] => list.map((one) => one.dispatcherId)
  return { deliveries: ids(deliveries), spares: spares && ids(spares), fanoutLimited }
}

describe('an event that more dispatchers want than it may go to', () => {
  const PLAIN = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => ({ id }))

  test('has no spare deliveries when none of its own can turn out to be used up', () => {
    expect(decide(PLAIN, 3)).toEqual({ deliveries: ['a', 'b', 'c'], spares: undefined, fanoutLimited: 3 })
    const last = [...PLAIN, { id: 'g', once: true }]
    expect(decide(last, 3)).toEqual({ deliveries: ['a', 'b', 'c'], spares: undefined, fanoutLimited: 4 })
    expect(decide(last, 7)).toMatchObject({ spares: undefined, fanoutLimited: 0 })
  })

  test('has as many as it has deliveries that can, and none that can itself', () => {
    const rules = PLAIN.map(({ id }) => ({ id, once: 'abe'.includes(id) }))
    expect(decide(rules, 3)).toEqual({ deliveries: ['a', 'b', 'c'], spares: ['d'], fanoutLimited: 3 })
    const few = PLAIN.map(({ id }) => ({ id, once: id === 'b' }))
    expect(decide(few, 3)).toEqual({ deliveries: ['a', 'b', 'c'], spares: ['d'], fanoutLimited: 3 })
  })
})
