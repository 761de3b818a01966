import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DispatcherRule } from '../dispatcher.js'
import { createEventMatcher, explainMatch, type MatchableEvent } from './index.js'
import { parseFilter } from '../filter/index.js'
import type { Json } from '../json.js'

/** Printed in the name of the suite, and by fast-check when a property fails. */
const seed = Date.now() % 2 ** 31

const NOW = new Date('2026-05-01T12:00:00Z')

const nameArbitrary = fc.constantFrom('a', 'a.b', 'a.b.c', 'A', '', 'constructor')
const entryArbitrary = fc.oneof(nameArbitrary, fc.constantFrom('*', 'a*', 'a.*', 'a.b*'))
const filterArbitrary = fc
  .constantFrom<Json>({ x: [1] }, { x: [{ $gt: 1 }] }, { $or: [{ x: [1] }, { y: [2] }] }, {}, { body: { x: [1] } })
  .map((filter) => {
    const parsing = parseFilter(filter)
    if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
    return parsing.filter
  })
const accountArbitrary = fc.constantFrom(null, 'one', 'two')

const ruleArbitrary: fc.Arbitrary<Omit<DispatcherRule, 'id'>> = fc.record({
  eventNames: fc.array(entryArbitrary, { minLength: 1, maxLength: 3 }),
  source: fc.constantFrom('shop', 'bank', '*'),
  filterLanguage: fc.constant('signalbox' as const),
  payloadFilter: fc.option(filterArbitrary),
  contextFilter: fc.option(filterArbitrary),
  externalAccountId: accountArbitrary,
  expiresAt: fc.constantFrom(null, null, new Date(NOW.getTime() - 1), new Date(NOW.getTime() + 1)),
  once: fc.boolean(),
})

const valueArbitrary = fc.constantFrom<Json>({}, { x: 1 }, { x: 2, y: 2 }, { y: 2 }, [], 'x', 0, null)
const eventArbitrary: fc.Arbitrary<MatchableEvent> = fc
  .record({
    name: nameArbitrary,
    source: fc.constantFrom('shop', 'bank'),
    externalAccountId: accountArbitrary,
    payloadType: fc.constantFrom('JSON' as const, 'REQUEST' as const),
    payload: valueArbitrary,
    context: valueArbitrary,
  })
  .map(({ payload, context, payloadType, ...event }) => ({
    ...event,
    payloadType,
    readPayload: () => (payloadType === 'REQUEST' ? { method: 'POST', body: payload } : payload),
    readContext: () => context,
    readEnvelope: () => ({ eventId: 'e', timestamp: NOW, accountIdentifier: null }),
  }))

describe(`matching (seed ${seed})`, () => {
  test('finds just the rules that, looked at one by one, have nothing against the event', () => {
    fc.assert(
      fc.property(fc.array(ruleArbitrary, { maxLength: 12 }), eventArbitrary, (drawn, event) => {
        const rules = drawn.map((rule, index): DispatcherRule => ({
          ...rule,
          id: `id ${String(index).padStart(2, '0')}`,
        }))
        const wanted = rules.filter((rule) => {
          const [failure] = explainMatch({ rule, isEnabled: true, isManual: false }, event, NOW)
          return failure === undefined
        })
        const matcher = createEventMatcher(rules.toReversed())
        const found = matcher.match(event, NOW)
        expect(found.dispatcherIds).toEqual(wanted.map((rule) => rule.id))
        expect(found.onceIds).toEqual(wanted.filter((rule) => rule.once).map((rule) => rule.id))
        if (!matcher.readsBody(event.name)) {
          const blind = { ...event, readPayload: () => null, readContext: () => null }
          expect(matcher.match(blind, NOW)).toEqual(found)
        }
      }),
      { seed, numRuns: 500 },
    )
  })
})
