import { describe, expect, test } from '@jest/globals'
import { toMatchable } from '../../test/matcher/draw-rules.js'
import { makeEventCase, makeFilter, makeRule, makeRules } from '../../test/matcher/make-rules.js'
import { createTunedMatcher, TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { matchEvent } from '../../test/matcher/run-operations.js'
import type { DispatcherRule } from '../dispatcher.js'
import { matchesFilter } from '../filter/index.js'
import type { Json, JsonObject } from '../json.js'
import { createMatcherShapes } from './event-matcher.js'
import { RuleMask } from './rule-mask.js'
import { listOperands, readTrees, RuleShapes } from './rule-shapes.js'
import { SieveCodes } from './sieve-code.js'
import { SieveDraft } from './sieve-draft.js'
import type { SieveParts } from './sieve-parts.js'
import { writeSieve } from './write-sieve.js'

/** Rules of one sieve. */
const RULES_MAX = 64

const CODED = TUNINGS['few rules all at once, by code of their own, from the first event on'] ?? fail()

/** Keys that mean something to JavaScript, to its objects or to whoever puts text into code. */
const ODD_KEYS = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'length',
  '0',
  '1',
  '-1',
  '4294967295',
  '',
  ' ',
  '"',
  "'",
  '`${process.exit()}`',
  '\\',
  '\\"); throw 1; ("',
  '*/',
  '//',
  '\n',
  '\r',
  '\u2028',
  '\u2029',
  'k0',
  'v',
  'h0',
  'return',
  'é',
  '😀',
]
/** Values under them, of all types. */
const ODD_VALUES: readonly Json[] = [
  '',
  'x',
  '__proto__',
  '\u2028',
  0,
  -0,
  1,
  1e21,
  true,
  false,
  null,
  [],
  ['x'],
  [1],
  {},
]

describe('code for few rules', () => {
  test('finds odd keys and values as the evaluator does, at the root, in an object and in an array', () => {
    for (const key of ODD_KEYS) {
      const filters: readonly JsonObject[] = [
        { [key]: ['', 'x', '__proto__', '\u2028'] },
        { [key]: [0, 1e21] },
        { [key]: [true] },
        { [key]: [{ $exists: false }] },
        { [key]: [{ $isNull: true }] },
        { [key]: [{ $anythingBut: ['x'] }] },
        { [key]: [{ $gte: 1 }] },
        { [key]: [{ $includes: 'x' }] },
        { [key]: [{ $startsWith: 'x' }] },
      ]
      const payloads = ODD_VALUES.map((value) => ({ [key]: value }))
      expectLikeEvaluator(
        [...filters, ...filters.map((filter) => ({ a: filter }))],
        [
          {},
          ...payloads,
          ...payloads.map((a) => ({ a })),
          ...payloads.map((payload) => ({ a: [payload, { [`${key}x`]: 1 }, 7] })),
          ...ODD_VALUES.map((a) => ({ a })),
          ...ODD_VALUES,
        ],
      )
    }
  })

  test('tells many values and many ends of ranges apart', () => {
    const texts = Array.from({ length: 30 }, (_, index) => `${'x'.repeat(index % 5)}${index}`)
    const filters: JsonObject[] = [
      ...texts.map((text) => ({ text: [text] })),
      ...texts.map((_, index) => ({ number: [{ $gt: index * 2, $lte: index * 3 }] })),
    ]
    const payloads = texts.flatMap((text, index): JsonObject[] => [
      { text },
      { number: index },
      { text, number: index * 2.5 },
    ])
    expectLikeEvaluator(filters, payloads)
    expectLikeEvaluator(filters.slice(0, 6), payloads)
  })

  test('has no text of a filter in it', () => {
    for (const key of ODD_KEYS) {
      // Some odd keys stand in any code.
      const marked = `${key}<secret>${key}`
      const filters = [
        { [marked]: [marked] },
        { [marked]: { [marked]: [{ $includes: marked }] } },
        { [marked]: [{ $startsWith: marked }] },
        { other: [{ $anythingBut: [marked] }] },
      ]
      const { source } = writeSieve(makeParts(filters)) ?? fail()
      expect(source).not.toContain('secret')
      expect(source).toMatch(/^[\n -~]*$/)
    }
  })

  test('is none where it would be long: the answers are the same', () => {
    const wide = Array.from({ length: 64 }, (_, rule) =>
      Object.fromEntries(Array.from({ length: 16 }, (__, index) => [`key ${rule} ${index}`, [rule]])),
    )
    expect(writeSieve(makeParts(wide))).toBeUndefined()
    expectLikeEvaluator(wide, [
      {},
      wide[7] as JsonObject,
      Object.fromEntries(Object.keys(wide[9] as JsonObject).map((key) => [key, 9])),
    ])
  })

  test.each(['payload', 'context'] as const)('reads nothing else of an event whose %s no rule wants', (first) => {
    // The more different values rules want, the more it takes away: that is read first.
    const rules = ['a', 'b', 'c', 'd'].map((value) => {
      const [many, one] = [makeFilter({ many: [value] }), makeFilter({ one: [1] })]
      const isFirst = first === 'payload'
      return makeRule(value, { payloadFilter: isFirst ? many : one, contextFilter: isFirst ? one : many })
    })
    const body = { many: 'none', one: 1 }
    const read: string[] = []
    const readBody = (name: string) => () => {
      read.push(name)
      return body
    }
    const event = makeEventCase({ payload: body, context: body })
    const matchable = toMatchable(event, { readPayload: readBody('payload'), readContext: readBody('context') })
    const { dispatcherIds } = createTunedMatcher(CODED, rules).match(matchable, new Date(event.nowMs))
    expect({ dispatcherIds, read }).toEqual({ dispatcherIds: [], read: [first] })
  })

  test('is never longer than it may be, whatever its length comes from', () => {
    const makers: readonly ((rule: number) => JsonObject)[] = [
      (rule) => ({ a: { [`x${rule}`]: [rule], [`y${rule}`]: [rule] } }),
      (rule) => ({ [`a${rule}`]: { b: { c: [rule] } } }),
      (rule) => ({ [`x${rule}`]: [rule, rule + 1, -1], [`y${rule}`]: [{ $includes: 'x' }] }),
      (rule) => ({ [`x${rule}`]: [{ $startsWith: 'x' }], [`y${rule}`]: [{ $gt: 1 }] }),
    ]
    for (const make of makers) {
      const lengths = Array.from({ length: RULES_MAX }, (_, rule) => {
        const parts = makeParts(Array.from({ length: rule + 1 }, (__, index) => make(index)))
        return writeSieve(parts)?.source.length ?? 0
      })
      expect(Math.max(...lengths)).toBeLessThanOrEqual(32_000)
      expect(Math.max(...lengths)).toBeGreaterThan(10_000)
    }
    const nested = Array.from({ length: 40 }, (_, rule) => makers[0]?.(rule) ?? fail())
    expect(writeSieve(makeParts(nested))).toBeUndefined()
    expect(writeSieve(makeParts(nested.slice(0, 10)))).toBeDefined()
  })

  test('has a name in stack traces', () => {
    const matcher = createTunedMatcher(CODED, makeRules([{ key: ['a'] }]))
    const event = makeEventCase()
    const readPayload = (): Json => {
      throw new Error('there is no payload')
    }
    let stack: string | undefined
    try {
      matcher.match(toMatchable(event, { readPayload }), new Date(event.nowMs))
    } catch (error) {
      stack = error instanceof Error ? error.stack : undefined
    }
    expect(stack).toMatch(/at sift \(sieve:\d+/)
  })

  test('takes bounded memory, and what is oldest goes first', () => {
    const parts = makeParts([{ key: ['a', 'b'] }, { other: [1] }])
    const each = (new SieveCodes().make(parts) ?? fail()).bytes
    const codes = new SieveCodes(each * 3)
    const made = Array.from({ length: 5 }, () => codes.make(parts) ?? fail())
    expect(codes.bytes).toBe(each * 3)
    expect(made.map(({ sift }) => sift !== undefined)).toEqual([false, false, true, true, true])
    for (const code of made) codes.release(code)
    expect(codes.bytes).toBe(0)
  })

  test('is counted, and given back when rules change', () => {
    const shapes = createMatcherShapes()
    const [rule = fail(), more = fail()] = makeRules([{ key: ['a'] }, { key: ['b'] }])
    const matcher = createTunedMatcher({ ...CODED, codedAfter: 1 }, [rule], shapes)
    const event = makeEventCase({ payload: { key: 'a' } })
    matchEvent(matcher, event)
    const without = shapes.bytes
    matchEvent(matcher, event)
    expect(shapes.bytes).toBeGreaterThan(without)
    matcher.add(more)
    matchEvent(matcher, event)
    matcher.remove(more.id)
    expect(matchEvent(matcher, event)).toMatchObject({ dispatcherIds: [rule.id] })
    expect(shapes.bytes).toBe(without)
  })
})

function expectLikeEvaluator(filters: readonly JsonObject[], payloads: readonly Json[]): void {
  const rules = makeRules(filters)
  const matcher = createTunedMatcher(CODED, rules)
  for (const payload of payloads) {
    const wanted = rules.filter(({ payloadFilter }) => payloadFilter !== null && matchesFilter(payloadFilter, payload))
    const found = matchEvent(matcher, makeEventCase({ payload }))
    expect({ payload, found }).toMatchObject({ payload, found: { dispatcherIds: wanted.map(({ id }) => id) } })
  }
}

/** The parts of a sieve of rules of one filter each. */
function makeParts(filters: readonly JsonObject[]): SieveParts {
  const shapes = new RuleShapes()
  const draft = new SieveDraft(shapes.paths)
  const all = new RuleMask()
  const rules = filters.map((filter, place) => {
    const rule: DispatcherRule = makeRule(`${place}`, { payloadFilter: makeFilter(filter) })
    const trees = readTrees(rule)
    const shape = shapes.hold(trees, { hasAccount: false, hasSource: false })
    const operands = listOperands(trees)
    const equals = new RuleMask()
    equals.add(place)
    all.add(place)
    draft.take({ shape, operands, rules: equals })
    return { id: rule.id, expiresAtMs: Infinity, isOnce: false, shape, operands, equals, isFirst: true }
  })
  const none = new RuleMask()
  return { rules, whole: none, onPayload: all, onContext: none, ...draft.finish(all) }
}

function fail(): never {
  throw new Error('there is none')
}
