import { parseFilter, type DispatcherRule, type Filter, type JsonObject, type MatchableEvent } from '@signalbox/domain'
import { BROAD_RULES, type BroadRule } from './broad-filters.js'
import { NARROW_KINDS, type NarrowKind, type Wish } from './narrow-filters.js'
import { asParsed, EVENT_NAMES, EVENT_SOURCES, makeOrderEvent } from './order-events.js'
import { createRandom, mix, pickWeighted, type Random } from './random.js'
import { createVocabulary, type Vocabulary } from './vocabulary.js'

/** Rules and events of one environment. Each follows from the seed and its number alone, so that none has to be kept. */
export interface Workload {
  readonly rules: number
  /** The rule with this number, freshly made, as if read from the database: numbers are in the order of adding. */
  makeRule(number: number): DispatcherRule
  makeEvent(number: number): MatchableEvent
}

/** The time at which all events are matched. */
export const WORKLOAD_NOW = new Date(Date.UTC(2026, 5, 1))
const EXPIRES_AT = new Date(Date.UTC(2027, 0, 1))
const RULE_SALT = 55
const ID_SALT = 56
const NO_EXTRA_PROBABILITY = 0.45
/** Rules that want just what another one wants. */
const COPY_PROBABILITY = 0.04
const ANY_SOURCE_PROBABILITY = 0.3
/** Of the kinds that may stand under a name with `*`. */
const WILDCARD_PROBABILITY = 0.12

/** Of so many rules at most one is broad. */
const BROAD_STEP_MIN = 4

/** Makes the workload for so many rules. */
export function createWorkload(seed: number, rules: number): Workload {
  const vocabulary = createVocabulary(rules - Math.min(BROAD_RULES.length, Math.floor(rules / BROAD_STEP_MIN)))
  return {
    rules,
    makeRule: (number) => finishRule(drawRule({ vocabulary, seed, rules }, number), makeId({ seed, rules }, number)),
    makeEvent: (number) => makeOrderEvent(vocabulary, seed, number),
  }
}

interface Setting {
  readonly vocabulary: Vocabulary
  readonly seed: number
  readonly rules: number
}

interface DrawnRule {
  readonly eventNames: readonly string[]
  readonly source: string
  readonly wish: Wish
  readonly isWait: boolean
}

function drawRule(setting: Setting, number: number): DrawnRule {
  const broad = findBroadRule(setting, number)
  if (broad !== undefined) {
    const { eventNames, source, ...wish } = broad
    return { eventNames, source, wish, isWait: false }
  }
  const random = createRandom(setting.seed, RULE_SALT, number)
  if (number > 0 && random.chance(COPY_PROBABILITY)) {
    const original = random.below(number)
    // Copies of the few broad rules would make more of them where there are more rules.
    if (findBroadRule(setting, original) === undefined) return drawRule(setting, original)
  }
  return drawNarrowRule(setting, random)
}

/** Broad rules stand evenly among the others, and there are no more of them where there are more rules. */
function findBroadRule({ rules }: Setting, number: number): BroadRule | undefined {
  const step = Math.max(BROAD_STEP_MIN, Math.floor(rules / BROAD_RULES.length))
  return number % step === step - 1 ? BROAD_RULES[(number - step + 1) / step] : undefined
}

function drawNarrowRule({ vocabulary }: Setting, random: Random): DrawnRule {
  const kind = pickWeighted(
    random,
    NARROW_KINDS.map((one) => [one, one.weight] as const),
  )
  const wish = kind.make(vocabulary, random)
  const payload = addExtras(kind, random, wish.payload)
  return {
    eventNames: drawNames(kind, random),
    source: random.chance(ANY_SOURCE_PROBABILITY) ? '*' : pickWeighted(random, EVENT_SOURCES),
    wish: { ...wish, ...(payload !== undefined && { payload }) },
    isWait: kind.isWait === true,
  }
}

function addExtras({ extras }: NarrowKind, random: Random, payload: JsonObject | undefined): JsonObject | undefined {
  if (random.chance(NO_EXTRA_PROBABILITY)) return payload
  return mergeFilters(random.pick(extras)(random), payload ?? {})
}

/** Both at once; where both say something about one value, `b` has the word. */
function mergeFilters(a: JsonObject, b: JsonObject): JsonObject {
  const merged: JsonObject = { ...a, ...b }
  for (const [key, one] of Object.entries(a)) {
    const other = b[key]
    if (isNested(one) && isNested(other)) merged[key] = mergeFilters(one, other)
  }
  return merged
}

function isNested(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const WAIT_NAMES = [
  ['order.paid', 60],
  ['order.shipped', 25],
  ['order.cancelled', 15],
] as const

function drawNames({ isWait = false, isAnyName = false }: NarrowKind, random: Random): string[] {
  if (isWait) return [pickWeighted(random, WAIT_NAMES)]
  if (isAnyName && random.chance(WILDCARD_PROBABILITY)) return [random.pick(['order.*', 'order.*', 'payment.*', '*'])]
  const first = pickWeighted(random, EVENT_NAMES)
  return random.chance(0.85) ? [first] : [...new Set([first, pickWeighted(random, EVENT_NAMES)])]
}

function finishRule({ eventNames, source, wish, isWait }: DrawnRule, id: string): DispatcherRule {
  return {
    id,
    eventNames: [...eventNames],
    source,
    filterLanguage: 'signalbox',
    payloadFilter: readFilter(wish.payload),
    contextFilter: readFilter(wish.context),
    externalAccountId: wish.externalAccountId ?? null,
    expiresAt: isWait ? EXPIRES_AT : null,
    once: isWait,
  }
}

function readFilter(filter: JsonObject | undefined): Filter | null {
  if (filter === undefined) return null
  const parsing = parseFilter(asParsed(filter))
  if (!parsing.ok) throw new Error(`The workload has a filter that is none: ${JSON.stringify(parsing.errors)}`)
  return parsing.filter
}

const FIRST_ID_MS = Date.UTC(2026, 0, 1)
const MS_BETWEEN_IDS = 7
/** A prime, so that its multiples meet each number once before any twice, unless the rules are a multiple of it. */
const SHUFFLE_STEP = 611_953

/** A UUIDv7, of which the time parts are shuffled: rules come in no order of ids, as when an environment is synced. */
function makeId({ seed, rules }: Pick<Setting, 'seed' | 'rules'>, number: number): string {
  const place = (number * SHUFFLE_STEP + mix(seed, ID_SALT)) % rules
  const time = (FIRST_ID_MS + place * MS_BETWEEN_IDS).toString(16).padStart(12, '0')
  const [a, b] = [1, 2].map((salt) => mix(seed, ID_SALT, place, salt).toString(16).padStart(8, '0')) as [string, string]
  const text = `${time.slice(0, 8)}-${time.slice(8)}-7${a.slice(0, 3)}-8${a.slice(3, 6)}-${a.slice(6)}${b}${a.slice(0, 2)}`
  // Flat, as a string that was read from somewhere is, and not the parts that it was put together from.
  return JSON.parse(`"${text}"`) as string
}
