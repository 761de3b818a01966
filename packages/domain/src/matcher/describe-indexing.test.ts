import { describe, expect, test } from '@jest/globals'
import type { FilterLanguage } from '../dispatcher.js'
import { parseEventPattern, parseFilter } from '../filter/index.js'
import type { Json } from '../json.js'
import { describeIndexing, type IndexableRule } from './index.js'

interface Written {
  payload?: Json
  context?: Json
  language?: FilterLanguage
  account?: string
  source?: string
}

function makeRule({ payload, context, language = 'signalbox', account, source = '*' }: Written): IndexableRule {
  const parsePayload = language === 'eventbridge' ? parseEventPattern : parseFilter
  return {
    filterLanguage: language,
    payloadFilter: payload === undefined ? null : parse(payload, parsePayload),
    contextFilter: context === undefined ? null : parse(context, parseFilter),
    externalAccountId: account ?? null,
    source,
  }
}

function parse(filter: Json, parser: typeof parseFilter) {
  const parsing = parser(filter)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  return parsing.filter
}

/** What carries a payload filter, each as `pointer operator kind`; and its warning. */
function describePayload(payload: Json, language?: FilterLanguage) {
  const { isIndexed, conditions, warning } = describeIndexing(makeRule({ payload, language }))
  expect(isIndexed).toBe(conditions.length > 0)
  return {
    carried: conditions.map(({ filter, pointer, operator, kind }) => {
      expect(filter).toBe('payloadFilter')
      return `${pointer} ${operator} ${kind}`
    }),
    warning,
  }
}

describe('what carries a filter', () => {
  test.each<[Json, string[]]>([
    [{ orderId: ['order_8f14e45fceea167a'] }, ['/orderId literals value']],
    [{ country: ['NL'], orderId: ['order_8f14e45fceea167a'] }, ['/orderId literals value']],
    [{ paid: [true], country: ['NL', 'BE'] }, ['/country literals value']],
    [
      { total: [{ $gte: 100 }], customer: { email: [{ $endsWith: '@example.com' }] } },
      ['/customer/email/0/$endsWith $endsWith suffix'],
    ],
    [{ path: [{ $startsWith: '/invoices/' }] }, ['/path/0/$startsWith $startsWith prefix']],
    [{ path: [{ $wildcard: 'invoices/*.pdf' }] }, ['/path/0/$wildcard $wildcard prefix']],
    [{ path: [{ $wildcard: '*.invoice.pdf' }] }, ['/path/0/$wildcard $wildcard suffix']],
    [{ name: [{ $ignoreCaseEquals: 'Alice' }] }, ['/name/0/$ignoreCaseEquals $ignoreCaseEquals caseless']],
    [{ tags: [{ $includes: 'urgent' }] }, ['/tags/0/$includes $includes value']],
    [{ total: [{ $between: [90, 110] }] }, ['/total/0/$between $between range']],
    [{ total: [{ $gte: 100, $lt: 110 }] }, ['/total/0/$gte $gte range', '/total/0/$lt $lt range']],
    [{ total: [{ $gte: 100 }, { $lt: 110 }] }, ['/total/0/$gte $gte range', '/total/1/$lt $lt range']],
    [{ ip: [{ $cidr: '10.0.0.0/8' }] }, ['/ip/0/$cidr $cidr range']],
    [{ tags: [{ $length: 3 }] }, ['/tags/0/$length $length range']],
    [{ $contains: { customer: { id: 'customer_12345678' } } }, ['/$contains $contains value']],
    [{ customer: [{ $equals: { id: 'customer_12345678' } }] }, ['/customer/0/$equals $equals value']],
    [{ 'a/b~c': { d: ['some text'] } }, ['/a~1b~0c/d literals value']],
    [{ items: { sku: ['book-0001'], gone: [{ $exists: false }] } }, ['/items/sku literals value']],
    [{ $or: [{ a: ['x'] }, { a: ['y'] }] }, ['/$or/0/a literals value', '/$or/1/a literals value']],
    [
      { $or: [{ a: ['x'] }, { b: [{ $startsWith: 'y' }] }] },
      ['/$or/0/a literals value', '/$or/1/b/0/$startsWith $startsWith prefix'],
    ],
    [
      { shop: { $or: [{ id: [7], open: [true] }, { $and: [{ open: [true] }, { city: ['Utrecht'] }] }] } },
      ['/shop/$or/0/id literals value', '/shop/$or/1/$and/1/city literals value'],
    ],
    [{ $or: [{ a: ['x'] }, { b: ['y'] }], id: ['order_8f14e45fceea167a'] }, ['/id literals value']],
    [{ $nor: [{ a: ['x'] }], b: [{ $anythingBut: 'z' }], c: ['x'] }, ['/c literals value']],
    [{ $or: [{ a: ['x'] }, { b: [{ $exists: false }] }], c: [5] }, ['/c literals value']],
  ])('%j is carried by %j', (payload, carried) => {
    expect(describePayload(payload)).toEqual({ carried, warning: null })
  })

  test.each<[Json, string[]]>([
    [{ detail: { orderId: ['order_8f14e45fceea167a'] } }, ['/detail/orderId literals value']],
    [
      { 'detail-type': ['order.paid.in.full'], detail: { total: [{ numeric: ['>=', 100] }] } },
      ['/detail-type literals value'],
    ],
    [{ detail: { key: [{ prefix: 'invoices/' }] } }, ['/detail/key/0/prefix prefix prefix']],
    [
      { detail: { key: ['x', { suffix: '.pdf' }] } },
      ['/detail/key literals value', '/detail/key/1/suffix suffix suffix'],
    ],
    [{ detail: { total: [{ numeric: ['>', 0, '<=', 5] }] } }, ['/detail/total/0/numeric numeric range']],
    [
      { detail: { total: [5, { numeric: ['=', 7] }] } },
      ['/detail/total literals value', '/detail/total/1/numeric numeric value'],
    ],
    [
      { detail: { name: [{ 'equals-ignore-case': 'alice' }] } },
      ['/detail/name/0/equals-ignore-case equals-ignore-case caseless'],
    ],
    [{ detail: { ip: [{ cidr: '10.0.0.0/8' }] } }, ['/detail/ip/0/cidr cidr range']],
    [
      { detail: { $or: [{ a: ['x'] }, { b: [null, 'y'] }] } },
      ['/detail/$or/0/a literals value', '/detail/$or/1/b literals value', '/detail/$or/1/b/0 literals value'],
    ],
  ])('the pattern %j is carried by %j', (payload, carried) => {
    expect(describePayload(payload, 'eventbridge').carried).toEqual(carried)
  })

  test('a filter on the context can carry as well', () => {
    const rule = makeRule({ payload: { total: [{ $gt: 5 }] }, context: { shop: { id: ['shop_0001'] } } })
    expect(describeIndexing(rule)).toEqual({
      isIndexed: true,
      conditions: [{ filter: 'contextFilter', pointer: '/shop/id', operator: 'literals', kind: 'value' }],
      warning: null,
    })
  })

  test('of very many alternatives the first 20 are named', () => {
    const $or = Array.from({ length: 300 }, (_, index) => ({ [`key ${index}`]: ['x'] }))
    const { carried } = describePayload({ $or })
    expect(carried).toHaveLength(20)
    expect(carried[19]).toBe('/$or/19/key 19 literals value')
  })
})

describe('weak conditions', () => {
  test.each<[Json, string[], string]>([
    [
      { a: [{ $exists: true }] },
      ['/a/0/$exists $exists presence'],
      '/a/0/$exists of payloadFilter, which finds mere presence:',
    ],
    [{ a: [{ $not: 'x' }] }, ['/a/0/$not $not presence'], 'mere presence'],
    [{ a: [{ $wildcard: '*x*' }] }, ['/a/0/$wildcard $wildcard presence'], 'mere presence'],
    [{ a: [{ $isNull: true }] }, ['/a/0/$isNull $isNull value'], 'a boolean or null'],
    [{ a: [true] }, ['/a literals value'], '/a of payloadFilter, which finds a boolean or null:'],
    [{ a: { $equals: null } }, ['/a/$equals $equals value'], 'a boolean or null'],
    [{ a: [{ $gt: 5 }] }, ['/a/0/$gt $gt range'], '/a/0/$gt of payloadFilter, a range with one end:'],
    [{ a: [{ $after: '2026-01-01' }] }, ['/a/0/$after $after range'], 'a range with one end'],
    [{ a: [true], b: [{ $gt: 5 }] }, ['/a literals value', '/b/0/$gt $gt range'], '/a of payloadFilter'],
    [{ a: [true], b: [{ $isNull: true }] }, ['/b/0/$isNull $isNull value', '/a literals value'], 'a boolean or null'],
    [
      { $or: [{ a: ['some text'] }, { b: [false] }] },
      ['/$or/0/a literals value', '/$or/1/b literals value'],
      '/$or/1/b of payloadFilter',
    ],
  ])('%j is found by %j, with a warning', (payload, carried, warning) => {
    const found = describePayload(payload)
    expect(found.carried).toEqual(carried)
    expect(found.warning).toContain(warning)
  })

  test('more than 256 literals are looked up as presence', () => {
    const texts = Array.from({ length: 257 }, (_, index) => `text ${index}`)
    expect(describePayload({ a: texts }).warning).toContain('mere presence')
    expect(describePayload({ a: texts.slice(1) })).toEqual({ carried: ['/a literals value'], warning: null })
  })

  test.each<[Json, string]>([
    [
      { detail: { a: [{ 'anything-but': ['x'] }] } },
      '/detail/a/0/anything-but of payloadFilter, which finds mere presence:',
    ],
    [{ detail: { a: [{ prefix: { 'equals-ignore-case': 'x' } }] } }, '/detail/a/0/prefix of payloadFilter'],
    [{ detail: { a: [{ exists: true }] } }, '/detail/a/0/exists of payloadFilter'],
    [{ detail: { a: [{ numeric: ['<', 5] }] } }, '/detail/a/0/numeric of payloadFilter, a range with one end:'],
    [{ detail: { a: ['some text', { numeric: ['<', 5] }] } }, '/detail/a/1/numeric of payloadFilter'],
  ])('the pattern %j has a warning', (payload, warning) => {
    expect(describePayload(payload, 'eventbridge').warning).toContain(warning)
  })
})

describe('filters that nothing carries', () => {
  test.each<[Json, string]>([
    [{ a: [{ $anythingBut: 'x' }] }, 'No condition of the filters says'],
    [{ a: [{ $exists: false }] }, 'No condition of the filters says'],
    [{ a: [{ $isNull: false }] }, 'No condition of the filters says'],
    [{ $nor: [{ a: ['x'] }] }, 'No condition of the filters says'],
    [{ $or: [{ a: ['x'] }, { b: [{ $exists: false }] }] }, 'The alternative /$or/1 of payloadFilter does not say'],
    [{ a: { $or: [{}, { b: ['x'] }] } }, 'The alternative /a/$or/0 of payloadFilter does not say'],
    [
      { $and: [{ $or: [{ $or: [{ a: [1] }, { b: [{ $exists: false }] }] }, { c: [1] }] }] },
      'The alternative /$and/0/$or/0/$or/1 of payloadFilter',
    ],
  ])('%j is tried on each event', (payload, warning) => {
    const found = describePayload(payload)
    expect(found.carried).toEqual([])
    expect(found.warning).toContain(warning)
  })

  test.each<[Json, string]>([
    [{ detail: { a: [{ exists: false }] } }, 'No condition of the filters says'],
    [{ detail: { a: ['x', { exists: false }] } }, 'The alternative /detail/a/1/exists of payloadFilter does not say'],
    [{ detail: { $or: [{ a: ['x'] }, { b: [{ exists: false }] }] } }, 'The alternative /detail/$or/1 of payloadFilter'],
  ])('the pattern %j is tried on each event', (payload, warning) => {
    expect(describePayload(payload, 'eventbridge')).toEqual({ carried: [], warning: expect.stringContaining(warning) })
  })

  test('the warning says which events that are, and source and account are named', () => {
    const payload = { a: [{ $anythingBut: 'x' }] }
    expect(describeIndexing(makeRule({ payload })).warning).toBe(
      "No condition of the filters says what an event must have, so the filters are tried on every event of the dispatcher's " +
        'names. Add a condition with a literal, a prefix or a range with two ends.',
    )
    const { isIndexed, conditions, warning } = describeIndexing(makeRule({ payload, source: 'shop', account: 'one' }))
    expect(isIndexed).toBe(false)
    expect(conditions.map(({ filter, pointer }) => [filter, pointer])).toEqual([
      [null, '/externalAccountId'],
      [null, '/source'],
    ])
    expect(warning).toContain("every event of the dispatcher's names, account and source.")
  })

  test('a pointer in a warning is cut', () => {
    const { warning } = describePayload({ ['k'.repeat(10_000)]: [true] })
    expect(warning?.length).toBeLessThan(500)
  })
})

describe('rules without filters', () => {
  test.each<Written>([{}, { payload: {} }, { payload: { a: [] }, context: {} }])(
    '%j takes all, and needs none',
    (written) => {
      expect(describeIndexing(makeRule(written))).toEqual({ isIndexed: true, conditions: [], warning: null })
    },
  )

  test('are found by source and account', () => {
    expect(describeIndexing(makeRule({ source: 'shop' }))).toEqual({
      isIndexed: true,
      conditions: [{ filter: null, pointer: '/source', operator: 'literals', kind: 'value' }],
      warning: null,
    })
    expect(describeIndexing(makeRule({ account: 'one' })).conditions).toHaveLength(1)
  })

  test('are not found by these when a filter can carry', () => {
    const { conditions } = describeIndexing(makeRule({ payload: { a: ['x'] }, source: 'trigger.dev', account: 'one' }))
    expect(conditions.map(({ pointer }) => pointer)).toEqual(['/a'])
  })
})
