import { type Filter, parseEventPattern } from '../../src/filter/index.js'
import type { Json, JsonObject } from '../../src/json.js'
import {
  ADDRESSES,
  alterText,
  drawJson,
  drawKnownNumber,
  drawText,
  RANGES,
  toObject,
  withKey,
  type World,
} from './draw-values.js'
import type { Random } from './random.js'

/** Every operator of EventBridge's patterns, with one way to draw its operand. */
const OPERATORS: Readonly<Record<string, (random: Random, world: World) => Json>> = {
  prefix: (random, world) => orCaseless(random, cut(random, drawText(random, world), 'head')),
  suffix: (random, world) => orCaseless(random, cut(random, drawText(random, world), 'tail')),
  'equals-ignore-case': (random, world) => alterText(random, drawText(random, world)),
  wildcard: drawWildcard,
  'anything-but': drawAnythingBut,
  numeric: drawNumeric,
  exists: (random) => random.chance(0.5),
  cidr: (random) => random.pick(RANGES),
}

/** What coverage is counted by. */
export const PATTERN_FEATURES = Object.keys(OPERATORS).map((operator) => `pattern ${operator}`)

/** Draws an event pattern that `parseEventPattern` accepts. */
export function drawPattern(random: Random, world: World): Filter {
  for (;;) {
    const parsing = parseEventPattern(drawEnvelopePattern(random, world))
    if (parsing.ok) return parsing.filter
  }
}

function drawEnvelopePattern(random: Random, world: World): JsonObject {
  const entries: [string, Json][] = []
  if (random.chance(0.95)) entries.push(['detail', drawNode(random, world, 2)])
  if (random.chance(0.1)) entries.push(['account', [random.pick(['one', 'two', ''])]])
  if (random.chance(0.05))
    entries.push(['detail-type', [random.pick<Json>([{ prefix: 'o' }, { 'anything-but': 'x' }])]])
  if (random.chance(0.05)) entries.push(['time', [random.pick<Json>([{ prefix: '2026' }, { wildcard: '*Z' }])]])
  if (random.chance(0.05)) entries.push(['id', [random.pick<Json>(['event 1', { suffix: '7' }, { exists: false }])]])
  if (random.chance(0.03)) entries.push(['resources', [{ exists: random.chance(0.3) }]])
  if (random.chance(0.05)) {
    entries.push(['$or', [drawEnvelopePattern(random, world), { source: ['shop', { prefix: 'b' }] }]])
  }
  return toObject(entries)
}

function drawNode(random: Random, world: World, depth: number): JsonObject {
  const width = random.pick([1, 1, 1, 2, 3])
  return toObject(
    Array.from({ length: width }, (): [string, Json] => {
      if (depth < 5 && random.chance(0.12)) {
        return ['$or', Array.from({ length: random.pick([2, 2, 3]) }, () => drawNode(random, world, depth + 1))]
      }
      const key = random.pick(world.keys)
      return [key, depth < 5 && random.chance(0.25) ? drawNode(random, world, depth + 1) : drawLeaf(random, world)]
    }),
  )
}

/** The elements of a leaf are alternatives; they may be of any types. */
function drawLeaf(random: Random, world: World): Json[] {
  return Array.from({ length: random.pick([1, 1, 1, 2, 3, 12]) }, () => {
    if (random.chance(0.6)) {
      const operator = random.pick(Object.keys(OPERATORS))
      return { [operator]: OPERATORS[operator]?.(random, world) ?? null }
    }
    return random.pick<Json>([
      drawText(random, world),
      drawText(random, world),
      drawKnownNumber(random, world),
      true,
      null,
    ])
  })
}

function cut(random: Random, text: string, end: 'head' | 'tail'): string {
  const characters = [...text]
  const length = random.below(Math.min(characters.length, 9) + 1)
  return (end === 'head' ? characters.slice(0, length) : characters.slice(characters.length - length)).join('')
}

function orCaseless(random: Random, text: string): Json {
  return random.chance(0.6) ? text : { 'equals-ignore-case': alterText(random, text) }
}

function drawWildcard(random: Random, world: World): string {
  const characters = [...drawText(random, world)].map((each) => (each === '*' || each === '\\' ? `\\${each}` : each))
  for (let stars = random.below(3); stars >= 0; stars -= 1) {
    characters.splice(random.below(characters.length + 1), random.below(4), '*')
  }
  return characters.join('').replaceAll(/\*+/g, '*')
}

function drawAnythingBut(random: Random, world: World): Json {
  const texts = Array.from({ length: random.pick([1, 1, 2, 10]) }, () => drawText(random, world))
  const [text = ''] = texts
  return random.pick<Json>([
    text,
    texts,
    drawKnownNumber(random, world),
    [drawKnownNumber(random, world), 7],
    { prefix: cut(random, text, 'head') || 'a' },
    { suffix: texts.map((each) => cut(random, each, 'tail') || 'b') },
    { 'equals-ignore-case': texts },
    { wildcard: drawWildcard(random, world) },
  ])
}

function drawNumeric(random: Random, world: World): Json {
  const [a, b] = [drawKnownNumber(random, world), drawKnownNumber(random, world)]
  if (random.chance(0.5)) return [random.pick(['=', '<', '<=', '>', '>=']), a]
  return [random.pick(['>', '>=']), Math.min(a, b), random.pick(['<', '<=']), Math.max(a, b)]
}

/** Draws a payload that a pattern's `detail` matches, mostly; built on top of what is there already. */
export function drawDetailFor(
  random: Random,
  world: World,
  aim: { pattern: Json; base?: Json | undefined },
): Json | undefined {
  const { detail } = aim.pattern as JsonObject
  return detail === undefined ? aim.base : aimAtNode({ random, world }, detail as JsonObject, aim.base)
}

interface Aim {
  readonly random: Random
  readonly world: World
}

function aimAtNode(aim: Aim, pattern: JsonObject, base: Json | undefined): Json | undefined {
  const { random, world } = aim
  return Object.entries(pattern).reduce<Json | undefined>((value, [key, wanted]) => {
    if (key === '$or') return aimAtNode(aim, random.pick(wanted as JsonObject[]), value)
    const object = isObject(value) ? value : {}
    const own = Object.hasOwn(object, key) ? object[key] : undefined
    const inner = Array.isArray(wanted)
      ? aimAtLeaf(aim, random.pick(wanted), own)
      : aimAtObject(aim, wanted as JsonObject, own)
    const seen = random.chance(0.93) ? inner : drawJson(random, world, 2)
    return seen === undefined ? value : withKey(object, key, seen)
  }, base)
}

/** Objects may stand in arrays, and these in arrays. */
function aimAtObject(aim: Aim, pattern: JsonObject, base: Json | undefined): Json | undefined {
  const { random, world } = aim
  const value = aimAtNode(aim, pattern, Array.isArray(base) ? base[0] : base)
  if (value === undefined || random.chance(0.65)) return value
  const all = random.sample([value, drawJson(random, world, 1), ...(Array.isArray(base) ? base : [])], 5)
  return random.chance(0.7) ? all : [1, [all], {}]
}

function aimAtLeaf(aim: Aim, wanted: Json, base: Json | undefined): Json | undefined {
  const { random, world } = aim
  const value = isObject(wanted) ? aimAtOperator(aim, wanted) : wanted
  if (value === undefined || random.chance(0.7)) return value
  const all = random.sample([value, drawJson(random, world, 1), ...(Array.isArray(base) ? base : [])], 4)
  return random.chance(0.7) ? all : [[all], {}]
}

function aimAtOperator({ random, world }: Aim, object: JsonObject): Json | undefined {
  const [[operator, operand] = ['', null]] = Object.entries(object)
  const text = isObject(operand) ? alterText(random, String(Object.values(operand)[0])) : String(operand)
  switch (operator) {
    case 'prefix':
      return text + random.pick(['', drawText(random, world)])
    case 'suffix':
      return random.pick(['', drawText(random, world)]) + text
    case 'equals-ignore-case':
      return alterText(random, text)
    case 'wildcard':
      return text.replaceAll(
        /\\(.)|\*/g,
        (_, escaped?: string) => escaped ?? random.pick(['', drawText(random, world)]),
      )
    case 'numeric':
      return (
        Number((operand as Json[])[random.chance(0.7) ? 1 : (operand as Json[]).length - 1]) +
        random.pick([0, 0, 1, -1])
      )
    case 'exists':
      return operand === true
        ? drawJson(random, world, 1)
        : random.pick<Json | undefined>([undefined, undefined, {}, [], [{}]])
    case 'cidr':
      return random.chance(0.4) ? text.replace(/\/.*/, '') : random.pick(ADDRESSES)
    default:
      return drawJson(random, world, 1)
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
