import { describe, expect, test } from '@jest/globals'
import { drawSet, SET_STYLES, toMatchable, type DrawnSet } from '../../test/matcher/draw-rules.js'
import { createTunedMatcher, TUNINGS, type Tuning } from '../../test/matcher/matcher-tuning.js'
import { makeEventCase, makeRule } from '../../test/matcher/make-rules.js'
import { coversName, type Outcome } from '../../test/matcher/oracle.js'
import { createRandom, type Random } from '../../test/matcher/random.js'
import { matchEvent, settle } from '../../test/matcher/run-operations.js'
import { createMatcherShapes, type EventMatcher } from './index.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

const RULES = 90
const EVENTS = 20
/** Sets of each kind. */
const SETS = 1

/** Changes how a matcher came to be, but nothing that an answer may depend on. */
type Detour = (set: DrawnSet, tuning: Tuning, random: Random) => EventMatcher

/** Every event's answer from a matcher that was made in order, and from one that was made on a detour. */
function expectNoDifference(tuning: Tuning, detour: Detour): void {
  const random = createRandom(seed)
  for (const [kind, style] of Object.entries(SET_STYLES)) {
    for (let index = 0; index < SETS; index += 1) {
      const set = drawSet(random, style, { rules: RULES, events: EVENTS })
      const straight = createTunedMatcher(tuning, set.rules)
      const other = detour(set, tuning, random)
      for (const event of set.events) {
        const wanted = matchEvent(straight, event)
        const got = matchEvent(other, event)
        if (JSON.stringify(got) !== JSON.stringify(wanted)) {
          throw new Error(`${kind} ${index}: ${JSON.stringify({ event, wanted, got })}`)
        }
      }
    }
  }
}

const DETOURS: Readonly<Record<string, Detour>> = {
  'the order in which rules came': (set, tuning, random) =>
    createTunedMatcher(tuning, random.sample(set.rules, set.rules.length)),

  'rules that were there and are gone': (set, tuning, random) => {
    const guests = Array.from({ length: RULES }, () => ({ ...set.drawRule(), id: `guest ${random.below(2 ** 32)}` }))
    const ids = [...new Map(guests.map((rule) => [rule.id, rule])).values()]
    const matcher = createTunedMatcher(tuning, random.sample([...set.rules, ...ids], RULES * 3))
    for (const { id } of ids) matcher.remove(id)
    return matcher
  },

  'what rules were before they changed': (set, tuning, random) => {
    const matcher = createTunedMatcher(
      tuning,
      set.rules.map((rule) => ({ ...set.drawRule(), id: rule.id })),
    )
    for (const rule of random.sample(set.rules, RULES)) matcher.update(rule)
    return matcher
  },

  'events that came before': (set, tuning, random) => {
    const [some, others] = [set.rules.slice(0, RULES / 2), set.rules.slice(RULES / 2)]
    const matcher = createTunedMatcher(tuning, some)
    // Rules that come later are placed by what these events have shown.
    for (let index = 0; index < 200; index += 1) matchEvent(matcher, set.drawEvent())
    for (const rule of others) matcher.add(rule)
    for (let index = 0; index < 100; index += 1) matchEvent(matcher, random.pick(set.events))
    return matcher
  },

  'work in the background, done in pieces or at once': (set, tuning, random) => {
    const matcher = createTunedMatcher(tuning)
    for (const rule of set.rules) {
      matcher.add(rule)
      if (random.chance(0.2)) matcher.maintain(random.pick([0, 1, 2, 7]))
      if (random.chance(0.1)) matchEvent(matcher, random.pick(set.events))
    }
    if (random.chance(0.5)) settle(matcher)
    return matcher
  },

  'matchers of other environments': (set, tuning, random) => {
    const shapes = createMatcherShapes()
    const matcher = createTunedMatcher(tuning, [], shapes)
    const other = createTunedMatcher(tuning, [], shapes)
    for (const rule of set.rules) {
      other.add({ ...set.drawRule(), id: rule.id })
      matcher.add(rule)
      matchEvent(other, random.pick(set.events))
      if (random.chance(0.5)) other.remove(rule.id)
    }
    return matcher
  },
}

describe(`what never changes an answer (seed ${seed})`, () => {
  for (const [name, tuning] of Object.entries(TUNINGS)) {
    test.each(Object.entries(DETOURS))(`%s: ${name}`, (_, detour) => expectNoDifference(tuning, detour), 60_000)
  }

  test.each(Object.entries(TUNINGS))(
    'rules for other events: %s',
    (_, tuning) => {
      const random = createRandom(seed + 1)
      for (const style of Object.values(SET_STYLES)) {
        const set = drawSet(random, style, { rules: RULES, events: EVENTS })
        const straight = createTunedMatcher(tuning, set.rules)
        const strangers = Array.from({ length: RULES }, (__, index) => ({
          ...set.drawRule(`stranger ${index}`),
          ...(random.chance(0.5) ? { eventNames: ['stranger', 'stranger.*'] } : { source: 'stranger' }),
        }))
        const other = createTunedMatcher(tuning, random.sample([...set.rules, ...strangers], 2 * RULES))
        for (const event of set.events) expect(matchEvent(other, event)).toEqual(matchEvent(straight, event))
      }
    },
    60_000,
  )

  test.each(Object.entries(TUNINGS))('the order of keys in an event: %s', (_, tuning) => {
    const random = createRandom(seed + 2)
    const set = drawSet(random, SET_STYLES['mixed in one place'] ?? fail(), { rules: RULES, events: 100 })
    const matcher = createTunedMatcher(tuning, set.rules)
    for (const event of set.events) {
      const [payload, context] = [reverseKeys(event.payload), reverseKeys(event.context)]
      expect(matchEvent(matcher, { ...event, payload, context })).toEqual(matchEvent(matcher, event))
    }
  })
})

describe(`answers and other rules (seed ${seed})`, () => {
  test.each(Object.entries(TUNINGS))(
    'the answer of two matchers is that of one with the rules of both: %s',
    (_, tuning) => {
      const random = createRandom(seed + 3)
      for (const style of Object.values(SET_STYLES)) {
        const set = drawSet(random, style, { rules: RULES, events: EVENTS })
        const parts = [set.rules.slice(0, RULES / 3), set.rules.slice(RULES / 3)].map((rules) =>
          createTunedMatcher(tuning, rules),
        )
        const whole = createTunedMatcher(tuning, set.rules)
        for (const event of set.events) {
          const outcomes = parts.map((part) => matchEvent(part, event))
          const wanted = outcomes.flatMap(idsOf).toSorted((a, b) => (a < b ? -1 : 1))
          if (outcomes.every((outcome) => 'dispatcherIds' in outcome))
            expect(idsOf(matchEvent(whole, event))).toEqual(wanted)
        }
      }
    },
    60_000,
  )

  test.each(Object.entries(TUNINGS))(
    'the fan-out takes the first by id and counts the rest: %s',
    (_, tuning) => {
      const random = createRandom(seed + 4)
      let limited = 0
      for (const style of Object.values(SET_STYLES)) {
        const set = drawSet(random, style, { rules: RULES, events: EVENTS })
        const matcher = createTunedMatcher(tuning, random.sample(set.rules, RULES))
        for (const event of set.events) {
          const all = matchEvent(matcher, event)
          if ('error' in all) continue
          const { dispatcherIds, onceIds } = all
          for (const fanoutMax of [0, 1, 2, 7, dispatcherIds.length, dispatcherIds.length + 1]) {
            const taken = dispatcherIds.slice(0, fanoutMax)
            const limitedCount = dispatcherIds.length - taken.length
            limited += limitedCount
            expect(matchEvent(matcher, event, fanoutMax)).toEqual({
              dispatcherIds: taken,
              limitedCount,
              onceIds: onceIds.filter((id) => taken.includes(id)),
            })
          }
        }
      }
      expect(limited).toBeGreaterThan(1_000)
    },
    60_000,
  )
})

describe(`what is read of an event (seed ${seed})`, () => {
  test.each(Object.entries(TUNINGS))(
    'nothing, where readsBody says so; each part at most once elsewhere: %s',
    (_, tuning) => {
      const random = createRandom(seed + 5)
      const seen = { blind: 0, read: 0 }
      for (const style of Object.values(SET_STYLES)) {
        const set = drawSet(random, style, { rules: 60, events: EVENTS })
        // Only rules for `with.*` have filters.
        const rules = set.rules.map((rule) =>
          random.chance(0.5)
            ? { ...rule, payloadFilter: null, contextFilter: null }
            : { ...rule, eventNames: rule.eventNames.map((entry) => `with.${entry}`) },
        )
        const matcher = createTunedMatcher(tuning, rules)
        for (const event of set.events.flatMap((each) => [each, { ...each, name: `with.${each.name}` }])) {
          const reads = { payload: 0, context: 0 }
          const matchable = toMatchable(event, {
            readPayload: () => {
              reads.payload += 1
              return event.payload
            },
            readContext: () => {
              reads.context += 1
              return event.context
            },
          })
          const outcome = guard(() => matcher.match(matchable, new Date(event.nowMs)))
          expect(outcome).toEqual(matchEvent(matcher, event))
          const hasFilters = rules.some(
            (rule) =>
              (rule.payloadFilter ?? rule.contextFilter) !== null &&
              rule.eventNames.some((entry) => coversName(entry, event.name)),
          )
          expect(matcher.readsBody(event.name)).toBe(hasFilters)
          expect(Math.max(reads.payload, reads.context)).toBeLessThanOrEqual(hasFilters ? 1 : 0)
          seen[hasFilters ? 'read' : 'blind'] += 1
        }
      }
      expect(seen.blind).toBeGreaterThan(100)
      expect(seen.read).toBeGreaterThan(100)
    },
    60_000,
  )

  test.each(Object.entries(TUNINGS))(
    'nothing is written to rules and events: %s',
    (_, tuning) => {
      const random = createRandom(seed + 6)
      for (const style of Object.values(SET_STYLES)) {
        const { rules, events } = drawSet(random, style, { rules: RULES, events: EVENTS })
        const matcher = createTunedMatcher(tuning, rules.map(freeze))
        for (const event of events) matchEvent(matcher, freeze(event))
        settle(matcher)
        for (const event of events) matchEvent(matcher, event)
      }
    },
    60_000,
  )

  test.each(Object.entries(TUNINGS))(
    'a name, a source and an account that are like another are not the other: %s',
    (_, tuning) => {
      const names = ['a', 'A', 'a ', 'a\0', '', 'á', 'a\u0301', '__proto__', 'constructor', '*', 'aa', 'a'.repeat(300)]
      const rules = names.flatMap((name, index) =>
        names.map((source, at) =>
          makeRule(`${index} ${at}`, {
            eventNames: [name === '*' ? '**' : name],
            source: source === '*' ? 'star' : source,
            externalAccountId: names[(index + at) % names.length] ?? null,
          }),
        ),
      )
      const matcher = createTunedMatcher(tuning, rules)
      for (const [index, name] of names.entries()) {
        for (const [at, source] of names.entries()) {
          for (const [account, externalAccountId] of names.entries()) {
            const event = makeEventCase({ name, source: source === '*' ? 'star' : source, externalAccountId })
            const wanted = account === (index + at) % names.length ? [`${index} ${at}`] : []
            expect(idsOf(matchEvent(matcher, event))).toEqual(wanted)
          }
        }
      }
    },
  )
})

function idsOf(outcome: Outcome): string[] {
  return 'dispatcherIds' in outcome ? outcome.dispatcherIds : []
}

function guard(call: () => Outcome): Outcome {
  try {
    return call()
  } catch (error) {
    return { error: (error as Error).name }
  }
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  for (const child of Object.values(value)) freeze(child)
  return Object.freeze(value)
}

function reverseKeys<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(reverseKeys) as T
  const entries = Object.entries(value).toReversed()
  return Object.fromEntries(entries.map(([key, child]) => [key, reverseKeys(child)])) as T
}

function fail(): never {
  throw new Error('no such kind of rules')
}
