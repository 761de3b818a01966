import { describe, expect, test } from '@jest/globals'
import type { DispatcherRule } from '../dispatcher.js'
import { createEventMatcher, explainMatch, isNameCovered, type MatchableEvent } from './index.js'
import { createWorkBudget, FilterTooExpensiveError, matchesFilter, parseFilter } from '../filter/index.js'
import type { Json } from '../json.js'

const NOW = new Date('2026-05-01T12:00:00Z')

function makeRule(id: string, more: Partial<DispatcherRule> = {}): DispatcherRule {
  return {
    id,
    eventNames: ['order.paid'],
    source: 'shop',
    filterLanguage: 'signalbox',
    payloadFilter: null,
    contextFilter: null,
    externalAccountId: null,
    expiresAt: null,
    once: false,
    ...more,
  }
}

function makeFilter(filter: Json) {
  const parsing = parseFilter(filter)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  return parsing.filter
}

function makeEvent(more: Partial<MatchableEvent> & { payload?: Json; context?: Json } = {}): MatchableEvent {
  const { payload = {}, context = {}, ...rest } = more
  return {
    name: 'order.paid',
    source: 'shop',
    externalAccountId: null,
    payloadType: 'JSON',
    readPayload: () => payload,
    readContext: () => context,
    readEnvelope: () => ({ eventId: 'e', timestamp: NOW, accountIdentifier: null }),
    ...rest,
  }
}

/** The first thing that a dispatcher which takes events has against this one. */
function explainFirst(rule: DispatcherRule, event: MatchableEvent) {
  const [failure] = explainMatch({ rule, isEnabled: true, isManual: false }, event, NOW)
  return failure
}

/** The matcher's answer, after the explanation of each rule was seen to agree with it. */
function match(rules: DispatcherRule[], event: MatchableEvent): string[] {
  const { dispatcherIds } = createEventMatcher(rules).match(event, NOW)
  const explained = rules.filter((rule) => explainFirst(rule, event) === undefined).map((rule) => rule.id)
  expect(explained.toSorted()).toEqual(dispatcherIds)
  return dispatcherIds
}

describe('names', () => {
  test.each([
    ['order.paid', 'order.paid', true],
    ['order.paid', 'order.Paid', false],
    ['order.paid', 'order.paid.late', false],
    ['order.*', 'order.paid', true],
    ['order.*', 'order.', true],
    ['order.*', 'order', false],
    ['order*', 'order', true],
    ['*', 'anything', true],
    ['*', '', true],
    ['*.paid', 'order.paid', false],
    ['*.paid', '*.paid', true],
    ['order.?', 'order.x', false],
    ['', 'order', false],
  ])('%j covers %j: %s', (entry, name, expected) => {
    expect(isNameCovered(entry, name)).toBe(expected)
    expect(match([makeRule('a', { eventNames: [entry] })], makeEvent({ name }))).toEqual(expected ? ['a'] : [])
  })

  test('a rule whose names cover an event twice matches it once', () => {
    const eventNames = ['order.paid', 'order.*', '*', 'order.paid']
    expect(match([makeRule('a', { eventNames })], makeEvent())).toEqual(['a'])
  })

  test('names that every object has are names like others', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(match([makeRule('a')], makeEvent({ name }))).toEqual([])
      expect(match([makeRule('a', { eventNames: [name] })], makeEvent({ name }))).toEqual(['a'])
    }
  })

  test('the answer is in the order of ids, whatever covers the name', () => {
    const rules = [makeRule('c'), makeRule('a', { eventNames: ['*'] }), makeRule('b', { eventNames: ['order.*'] })]
    expect(match(rules, makeEvent())).toEqual(['a', 'b', 'c'])
  })
})

describe('source and account', () => {
  test('the source must be the same, or any', () => {
    const rules = [makeRule('a'), makeRule('b', { source: 'Shop' }), makeRule('c', { source: '*' })]
    expect(match(rules, makeEvent())).toEqual(['a', 'c'])
    expect(match(rules, makeEvent({ source: 'bank' }))).toEqual(['c'])
  })

  test('the account of a rule must be the account of the event, also without filters', () => {
    const rules = [makeRule('a', { externalAccountId: 'one' }), makeRule('b')]
    expect(match(rules, makeEvent({ externalAccountId: 'one' }))).toEqual(['a', 'b'])
    expect(match(rules, makeEvent({ externalAccountId: 'two' }))).toEqual(['b'])
    expect(match(rules, makeEvent())).toEqual(['b'])
  })
})

describe('filters', () => {
  test('payload and context must both match', () => {
    const rules = [
      makeRule('a', { payloadFilter: makeFilter({ total: [{ $gt: 5 }] }) }),
      makeRule('b', { contextFilter: makeFilter({ region: ['eu'] }) }),
      makeRule('c', { payloadFilter: makeFilter({ total: [6] }), contextFilter: makeFilter({ region: ['eu'] }) }),
      makeRule('d'),
    ]
    expect(match(rules, makeEvent({ payload: { total: 6 }, context: { region: 'eu' } }))).toEqual(['a', 'b', 'c', 'd'])
    expect(match(rules, makeEvent({ payload: { total: 6 } }))).toEqual(['a', 'd'])
    expect(match(rules, makeEvent({ context: { region: 'eu' } }))).toEqual(['b', 'd'])
    expect(match(rules, makeEvent({ payload: null }))).toEqual(['d'])
  })

  test('payload and context are read only when a candidate looks at them, and once', () => {
    let reads = 0
    const readPayload = () => {
      reads += 1
      return { total: 1 }
    }
    const filter = makeFilter({ total: [1] })
    const rules = [makeRule('a', { payloadFilter: filter }), makeRule('b', { payloadFilter: filter })]
    const matcher = createEventMatcher([...rules, makeRule('c', { eventNames: ['other'] })])
    expect(matcher.readsBody('order.paid')).toBe(true)
    expect(matcher.readsBody('other')).toBe(false)
    expect(matcher.readsBody('unknown')).toBe(false)
    matcher.match(makeEvent({ name: 'other', readPayload }), NOW)
    matcher.match(makeEvent({ source: 'bank', readPayload }), NOW)
    expect(reads).toBe(0)
    expect(matcher.match(makeEvent({ readPayload }), NOW).dispatcherIds).toEqual(['a', 'b'])
    expect(reads).toBe(1)
    expect(matcher.size).toBe(3)
  })

  test('a wildcard with a filter makes every covered name read its body', () => {
    const rule = makeRule('a', { eventNames: ['order.*'], contextFilter: makeFilter({ a: [1] }) })
    const matcher = createEventMatcher([rule])
    expect(matcher.readsBody('order.x')).toBe(true)
    expect(matcher.readsBody('orders')).toBe(false)
  })
})

describe('rules that are taken once', () => {
  test('are named beside the others, until they run out', () => {
    const rules = [
      makeRule('a'),
      makeRule('b', { once: true, expiresAt: new Date(NOW.getTime() + 1) }),
      makeRule('c', { once: true, expiresAt: NOW }),
      makeRule('d', { once: true, expiresAt: new Date(NOW.getTime() - 1) }),
    ]
    expect(createEventMatcher(rules).match(makeEvent(), NOW)).toEqual({
      dispatcherIds: ['a', 'b'],
      onceIds: ['b'],
      limitedCount: 0,
    })
    expect(explainFirst(rules[2] as DispatcherRule, makeEvent())).toEqual({ condition: 'expired' })
  })
})

describe('REQUEST payloads', () => {
  const filter = makeFilter({ method: ['POST'], body: { kind: ['refund'] } })
  const rules = [makeRule('a', { payloadFilter: filter })]
  const headers = { 'Content-Type': 'application/json; charset=utf-8' }
  const makeRequest = (payload: Json) => makeEvent({ payloadType: 'REQUEST', payload })

  test('are matched as a request with its JSON body parsed', () => {
    expect(match(rules, makeRequest({ url: '/x', method: 'POST', headers, body: '{"kind":"refund"}' }))).toEqual(['a'])
    expect(match(rules, makeRequest({ url: '/x', method: 'POST', headers, body: '{"kind":"order"}' }))).toEqual([])
    expect(match(rules, makeRequest({ method: 'POST', headers: {}, body: '{"kind":"refund"}' }))).toEqual([])
  })

  test('one that can not be read throws only when a candidate looks at it', () => {
    const broken = makeRequest({ method: 'POST', headers, body: '{' })
    expect(() => createEventMatcher(rules).match(broken, NOW)).toThrow('does not parse')
    expect(match([makeRule('a')], broken)).toEqual(['a'])
  })

  test.each([2, 40])('throws always or never, whatever keys %i rules have and how many events came before', (count) => {
    const contextFilter = makeFilter({ region: ['eu'] })
    const payloadFilter = makeFilter({ x: [{ $exists: true }] })
    const some = Array.from({ length: count }, (_, index) => makeRule(`r${index}`, { contextFilter, payloadFilter }))
    const broken = makeRequest({ method: 'POST', headers, body: '{' })
    const asking = createEventMatcher([...some, makeRule('z')])
    const notAsking = createEventMatcher([...some.map((rule) => ({ ...rule, source: 'bank' })), makeRule('z')])
    for (let events = 0; events < 200; events += 1) {
      expect(() => asking.match(broken, NOW)).toThrow('does not parse')
      expect(notAsking.match(broken, NOW).dispatcherIds).toEqual(['z'])
    }
  })
})

describe('explainMatch', () => {
  const rule = makeRule('a', {
    externalAccountId: 'one',
    payloadFilter: makeFilter({ total: [1] }),
    contextFilter: makeFilter({ region: ['eu'] }),
  })
  const fitting = { externalAccountId: 'one', payload: { total: 1 }, context: { region: 'eu' } }

  test.each([
    [{ name: 'x' }, 'name'],
    [{ source: 'x' }, 'source'],
    [{ externalAccountId: null }, 'account'],
    [{ payload: { total: 2 } }, 'payloadFilter'],
    [{ context: { region: 'us' } }, 'contextFilter'],
  ])('%j does not fit: %s', (change, condition) => {
    expect(explainFirst(rule, makeEvent({ ...fitting, ...change }))).toMatchObject({ condition })
  })

  test('names all conditions in their order, of each filter the first', () => {
    const expired = { ...rule, expiresAt: NOW }
    const event = makeEvent({ name: 'x', source: 'x', payload: { total: 2 }, context: { region: 'us' } })
    const unfit = { rule: expired, isEnabled: false, isManual: true, isEndpointDisabled: true }
    const failures = [...explainMatch(unfit, event, NOW)]
    expect(failures.map(({ condition }) => condition)).toEqual([
      'name',
      'source',
      'account',
      'disabled',
      'endpoint_disabled',
      'manual',
      'expired',
      'payloadFilter',
      'contextFilter',
    ])
  })

  test('a payload that can not be read is a condition of its own, and the context is looked at', () => {
    const request = makeEvent({ ...fitting, payloadType: 'REQUEST', payload: 5, context: {} })
    const failures = [...explainMatch({ rule, isEnabled: true, isManual: false }, request, NOW)]
    expect(failures.map(({ condition }) => condition)).toEqual(['payload', 'contextFilter'])
  })

  test('looks no further than it is asked', () => {
    const blind = makeEvent({
      name: 'x',
      readPayload: () => {
        throw new Error('was read')
      },
    })
    expect(explainFirst(rule, blind)).toEqual({ condition: 'name' })
  })

  test('nothing to say about an event that fits', () => {
    expect(explainFirst(rule, makeEvent(fitting))).toBeUndefined()
  })
})

describe('the budget of an event', () => {
  const payload = { a: Array.from({ length: 1_000 }, () => ({ b: 1 })) }
  // 1 step for the key and 1 for the condition, 1 for each element.
  const filterSteps = 1_002
  const payloadFilter = makeFilter({ a: { b: [2] } })
  const rules = [2, 3, 4].map((wanted) =>
    makeRule(`rule ${wanted}`, { payloadFilter: makeFilter({ a: { b: [wanted] } }) }),
  )

  test('is one for all dispatchers: over it the event is not matched at all', () => {
    const matcher = createEventMatcher(rules)
    const budget = createWorkBudget()
    const before = budget.stepsLeft
    const nothing = { dispatcherIds: [], onceIds: [], limitedCount: 0 }
    expect(matcher.match(makeEvent({ payload, budget }), NOW)).toEqual(nothing)
    const steps = before - budget.stepsLeft
    expect(steps).toBeGreaterThanOrEqual(rules.length * filterSteps)
    const less = makeEvent({ payload, budget: createWorkBudget(steps - 1) })
    expect(() => matcher.match(less, NOW)).toThrow(FilterTooExpensiveError)
    expect(matcher.match(makeEvent({ payload, budget: createWorkBudget(steps) }), NOW)).toEqual(nothing)
  })

  test('holds for explaining, which then tells only what needs no filter', () => {
    const event = makeEvent({ payload, budget: createWorkBudget(100) })
    const [rule] = rules
    if (rule === undefined) throw new Error('no rule')
    expect(() => explainFirst(rule, event)).toThrow(FilterTooExpensiveError)
    expect(explainFirst(makeRule('x', { source: 'x', payloadFilter }), event)).toEqual({ condition: 'source' })
    expect(explainFirst(makeRule('x'), event)).toBeUndefined()
  })
})

describe('an event with very many values', () => {
  test('reaches no rule of another name, where trying each filter is less work than looking up every combination', () => {
    const payloadFilter = makeFilter({ items: { sku: ['sku 7'], quantity: [{ $gt: 0 }] } })
    const rules = ['order.paid', 'order.deleted'].flatMap((name) =>
      Array.from({ length: 40 }, (_, index) =>
        makeRule(`${name} ${index}`, {
          eventNames: [name],
          payloadFilter: makeFilter({ items: { sku: ['sku 7'], quantity: [{ $gt: index }] } }),
        }),
      ),
    )
    const matcher = createEventMatcher([...rules, makeRule('same', { payloadFilter })])
    const items = Array.from({ length: 600 }, (_, index) => ({ sku: `sku ${index}`, quantity: 1_000 }))
    const { dispatcherIds } = matcher.match(makeEvent({ payload: { items } }), NOW)
    expect(dispatcherIds).toHaveLength(41)
    expect(dispatcherIds.filter((id) => id.startsWith('order.deleted'))).toEqual([])
  })

  test('is found among rules that differ in the object alone that they equal', () => {
    const equal = (index: number) => makeFilter({ a: [{ $equals: { id: index, of: { kind: 'x' } } }] })
    const rules = Array.from({ length: 20_000 }, (_, index) =>
      makeRule(`rule ${index}`, { payloadFilter: equal(index) }),
    )
    const matcher = createEventMatcher(rules)
    const payload = { a: { of: { kind: 'x' }, id: 7 } }
    expect(matcher.match(makeEvent({ payload }), NOW).dispatcherIds).toEqual(['rule 7'])
  })
})

test.each<Json>([{ v: { x: { $and: [{}] } } }, { v: { $and: [{}] } }, { v: { x: { y: { $and: [{}, {}] } } } }])(
  'a filter that wants nothing but an object, %j, is no filter that wants nothing',
  (filter) => {
    const payloadFilter = makeFilter(filter)
    const payloads: Json[] = [{ v: ['a'] }, { v: [] }, { v: [['a']] }, { v: 'a' }, { v: {} }, { v: [{}] }, {}]
    for (const payload of payloads) {
      const { dispatcherIds } = createEventMatcher([makeRule('a', { payloadFilter })]).match(
        makeEvent({ payload }),
        NOW,
      )
      expect([payload, dispatcherIds]).toEqual([payload, matchesFilter(payloadFilter, payload) ? ['a'] : []])
    }
  },
)
