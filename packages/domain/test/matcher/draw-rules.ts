import type { DispatcherRule } from '../../src/dispatcher.js'
import type { Filter } from '../../src/filter/index.js'
import type { PayloadType } from '../../src/event.js'
import type { MatchableEvent } from '../../src/matcher/index.js'
import type { Json, JsonObject } from '../../src/json.js'
import { drawFilter, drawValueFor, type FilterStyle } from './draw-filters.js'
import { drawDetailFor, drawPattern } from './draw-patterns.js'
import { drawJson, drawWorld, toObject, withKey, type World } from './draw-values.js'
import type { Random } from './random.js'

/** The moment about which rules run out. */
export const NOW_MS = Date.parse('2026-05-01T12:00:00Z')

/** An event as plain data, and when it is matched. */
export interface EventCase {
  readonly name: string
  readonly source: string
  readonly externalAccountId: string | null
  readonly accountIdentifier: string | null
  readonly eventId: string
  readonly timestampMs: number
  readonly payloadType: PayloadType
  readonly payload: Json
  readonly context: Json
  readonly nowMs: number
}

/** What a set of rules is like. */
export interface SetStyle {
  readonly filter: FilterStyle
  readonly keys: number
  readonly literals: number
  /** How often a rule has the filter of another, or one that only looks otherwise. */
  readonly repeats: number
  /** How often a payload filter is an event pattern of EventBridge. */
  readonly patterns: number
  /** Whether all rules are for one name and one source: then they stand in one place of an index. */
  readonly isNarrow: boolean
}

const RANGE_OPERATORS = ['$gt', '$gte', '$lt', '$lte', '$between', '$between', '$before', '$after', '$cidr', '$cidr']
const TEXT_OPERATORS = ['$startsWith', '$endsWith', '$ignoreCaseEquals', '$ignoreCaseEquals', '$wildcard', '$wildcard']
const NEGATIONS = ['$not', '$anythingBut', '$exists', '$isNull', '$anythingBut', '$not', '$gt']

const mixed: SetStyle = {
  filter: { literals: 0.4, words: 0.12, nested: 0.25, widths: [1, 1, 1, 2, 2, 3, 0], depthMax: 5 },
  keys: 6,
  literals: 10,
  repeats: 0.1,
  patterns: 0.1,
  isNarrow: false,
}

/** Each kind puts its weight on another structure that an index may have. */
export const SET_STYLES: Readonly<Record<string, SetStyle>> = {
  mixed,
  'mixed in one place': { ...mixed, isNarrow: true },
  'one condition each': {
    ...mixed,
    filter: { literals: 0.1, words: 0.1, nested: 0, widths: [1], depthMax: 2 },
    isNarrow: true,
  },
  'few keys, long chains': {
    ...mixed,
    filter: { ...mixed.filter, literals: 0.8, words: 0.03, widths: [1, 2, 3] },
    keys: 3,
    literals: 4,
    isNarrow: true,
  },
  ranges: {
    ...mixed,
    filter: { ...mixed.filter, operators: RANGE_OPERATORS, literals: 0.1, words: 0.05, nested: 0.1, widths: [1, 1, 2] },
    keys: 3,
    literals: 20,
    isNarrow: true,
  },
  texts: {
    ...mixed,
    filter: { ...mixed.filter, operators: TEXT_OPERATORS, literals: 0.1, words: 0.05, nested: 0.1, widths: [1, 1, 2] },
    keys: 3,
    literals: 24,
    isNarrow: true,
  },
  'negations and words': {
    ...mixed,
    filter: { operators: NEGATIONS, literals: 0.2, words: 0.5, nested: 0.3, widths: [1, 1, 2], depthMax: 6 },
    keys: 3,
    literals: 4,
  },
  'many shapes': {
    ...mixed,
    filter: { ...mixed.filter, words: 0.05, nested: 0.5, widths: [1, 2, 3, 4] },
    keys: 12,
    literals: 6,
    repeats: 0,
    isNarrow: true,
  },
  'the same again and again': { ...mixed, repeats: 0.9, isNarrow: true },
  'event patterns': { ...mixed, patterns: 0.95, keys: 4, isNarrow: true },
}

/** Rules, and events that are aimed at them. */
export interface DrawnSet {
  readonly rules: DispatcherRule[]
  readonly events: EventCase[]
  /** One more rule of the same kind. */
  drawRule: (id?: string) => DispatcherRule
  drawEvent: () => EventCase
}

/** Draws one set. */
export function drawSet(random: Random, style: SetStyle, size: { rules: number; events: number }): DrawnSet {
  const world = drawWorld(random, style)
  const names = random.sample(NAMES, style.isNarrow ? 1 : 5)
  const drawer: Drawer = { random, world, style, names, filters: [], patterns: [] }
  const rules = Array.from({ length: size.rules }, (_, index) => drawRule(drawer, drawId(random, index)))
  let count = size.rules
  return {
    rules,
    events: Array.from({ length: size.events }, () => drawEvent(drawer, rules)),
    drawRule: (id) => drawRule(drawer, id ?? drawId(random, (count += 1))),
    drawEvent: () => drawEvent(drawer, rules),
  }
}

const NAMES = [
  'order.paid',
  'order.placed',
  'order',
  'user.signup',
  'a',
  '',
  'constructor',
  '__proto__',
  'ÖRDER',
  '*',
  '*.paid',
]
const SOURCES = ['shop', 'bank', 'Shop', '', '__proto__']
const ACCOUNTS = ['one', 'two', '', 'constructor']

interface Drawer {
  readonly random: Random
  readonly world: World
  readonly style: SetStyle
  readonly names: readonly string[]
  /** Filters that were drawn, to be had again. */
  readonly filters: Filter[]
  readonly patterns: Filter[]
}

/** Ids sort as texts do, wherever they were made; most look like ours. */
function drawId(random: Random, index: number): string {
  if (random.chance(0.05))
    return `${random.pick(['', '__proto__', 'a', 'B', 'é', '10', '9', '-1', '\uffff', '😀'])}.${index}`
  const head = random
    .below(2 ** 32)
    .toString(16)
    .padStart(8, '0')
  return `${head}-${index.toString(16).padStart(12, '0')}`
}

function drawRule(drawer: Drawer, id: string): DispatcherRule {
  const { random, style } = drawer
  const isPattern = random.chance(style.patterns)
  const draw = isPattern ? drawSeenPattern : drawSeenFilter
  return {
    id,
    eventNames: drawEntries(drawer),
    source: random.chance(style.isNarrow ? 0.97 : 0.5) ? 'shop' : random.pick(['*', ...SOURCES]),
    filterLanguage: isPattern ? 'eventbridge' : 'signalbox',
    payloadFilter: random.chance(0.95) ? draw(drawer) : null,
    contextFilter: random.chance(0.12) ? drawSeenFilter(drawer) : null,
    externalAccountId: random.chance(0.08) ? random.pick(ACCOUNTS) : null,
    expiresAt: random.chance(0.06) ? new Date(NOW_MS + random.pick([-1, 0, 1, 1_000])) : null,
    once: random.chance(0.1),
  }
}

function drawEntries({ random, names, style }: Drawer): string[] {
  const count = style.isNarrow ? random.pick([1, 1, 1, 1, 1, 2]) : random.pick([1, 1, 2, 3])
  return Array.from({ length: count }, () => {
    const name = random.pick(names)
    if (random.chance(style.isNarrow ? 0.97 : 0.7)) return name
    return random.pick([`${name.slice(0, random.below(name.length + 1))}*`, `${name}*`, '*', '**', `${name}?`])
  })
}

function drawSeenFilter(drawer: Drawer): Filter {
  const { random, world, style, filters } = drawer
  return drawSeen(drawer, filters, () => drawFilter(random, world, style.filter))
}

function drawSeenPattern(drawer: Drawer): Filter {
  const { random, world, patterns } = drawer
  return drawSeen(drawer, patterns, () => drawPattern(random, world))
}

/** One that was drawn before, itself or a copy of it, or a new one. */
function drawSeen({ random, style }: Drawer, seen: Filter[], draw: () => Filter): Filter {
  if (seen.length > 0 && random.chance(style.repeats)) {
    const filter = random.chance(0.7) ? random.pick(seen.slice(0, 6)) : random.pick(seen)
    if (random.chance(0.4)) return filter
    if (random.chance(0.5)) return structuredClone(filter)
    return toObject(Object.entries(filter).toReversed()) as Filter
  }
  const filter = draw()
  seen.push(filter)
  return filter
}

function drawEvent(drawer: Drawer, rules: readonly DispatcherRule[]): EventCase {
  const { random } = drawer
  const aimed = random.sample(rules, random.pick([1, 1, 2, 2, 3, 5]))
  const [first] = aimed
  if (first === undefined) throw new RangeError('no rules to aim at')
  const payload = drawBody(drawer, aimed, 'payloadFilter')
  const context = drawBody(drawer, aimed, 'contextFilter')
  const body: Pick<EventCase, 'payloadType' | 'payload'> = random.chance(0.95)
    ? { payloadType: 'JSON', payload }
    : { payloadType: 'REQUEST', payload: toRequest(random, payload) }
  return {
    ...body,
    context,
    name: drawCoveredName(drawer, random.pick(first.eventNames)),
    source:
      first.source === '*' ? random.pick(SOURCES) : random.chance(0.95) ? first.source : random.pick(['*', ...SOURCES]),
    externalAccountId: first.externalAccountId ?? (random.chance(0.3) ? random.pick(ACCOUNTS) : null),
    accountIdentifier: random.chance(0.5) ? random.pick(ACCOUNTS) : null,
    eventId: `event ${random.below(100)}`,
    timestampMs: NOW_MS + random.below(1_000),
    nowMs: NOW_MS + random.pick([0, 0, 1, -1, 500, 2_000]),
  }
}

/** What REQUEST payloads look like; filters that have no key of it see little, and some bodies can't be read. */
function toRequest(random: Random, body: Json): Json {
  if (random.chance(0.1)) return { body: '{"half": ', headers: { 'Content-Type': 'application/json' }, method: 'POST' }
  const headers = { 'Content-Type': random.pick(['application/json', 'text/plain']) }
  return { ...(random.chance(0.5) ? { body: JSON.stringify(body) } : { body }), headers, method: 'POST', url: '/x' }
}

function drawCoveredName({ random, names }: Drawer, entry: string): string {
  if (random.chance(0.04)) return random.pick(NAMES)
  if (!entry.endsWith('*') || random.chance(0.05)) return entry
  const covered = names.filter((name) => name.startsWith(entry.slice(0, -1)))
  return covered.length > 0 && random.chance(0.9)
    ? random.pick(covered)
    : `${entry.slice(0, -1)}${random.pick(['', 'x'])}`
}

function drawBody(
  { random, world }: Drawer,
  aimed: readonly DispatcherRule[],
  part: 'payloadFilter' | 'contextFilter',
): Json {
  if (random.chance(0.05))
    return random.pick<Json>([null, null, [], {}, 'text', 0, false, [{}], drawJson(random, world)])
  const value = aimed.reduce<Json | undefined>((base, rule) => {
    const filter = rule[part]
    if (filter === null) return base
    const isPattern = part === 'payloadFilter' && rule.filterLanguage === 'eventbridge'
    return isPattern
      ? drawDetailFor(random, world, { pattern: filter, base })
      : drawValueFor(random, world, { filter, base })
  }, {})
  if (value === undefined || !isPlainObject(value)) return value ?? null
  let body = value
  for (let noise = random.below(3); noise > 0; noise -= 1) {
    const key = random.pick(world.keys)
    if (!Object.hasOwn(body, key)) body = withKey(body, key, drawJson(random, world))
  }
  return body
}

function isPlainObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The event as the matcher reads it. */
export function toMatchable(event: EventCase, more: Partial<MatchableEvent> = {}): MatchableEvent {
  return {
    name: event.name,
    source: event.source,
    externalAccountId: event.externalAccountId,
    payloadType: event.payloadType,
    readPayload: () => event.payload,
    readContext: () => event.context,
    readEnvelope: () => ({
      eventId: event.eventId,
      timestamp: new Date(event.timestampMs),
      accountIdentifier: event.accountIdentifier,
    }),
    ...more,
  }
}
