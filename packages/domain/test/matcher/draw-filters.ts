import type { Json, JsonObject } from '../../src/json.js'
import { parseFilter, type Filter } from '../../src/filter/index.js'
import {
  ADDRESSES,
  DATES,
  RANGES,
  alterText,
  drawJson,
  drawKnownNumber,
  drawOperandJson,
  drawText,
  toObject,
  withKey,
  type World,
} from './draw-values.js'
import type { Random } from './random.js'

/** Every operator, as it stands in an operator object, with one way to draw its operand. */
const OPERATORS: Readonly<Record<string, (random: Random, world: World) => Json>> = {
  $startsWith: (random, world) => drawPart(random, world, 'head'),
  $endsWith: (random, world) => drawPart(random, world, 'tail'),
  $ignoreCaseEquals: drawText,
  $wildcard: drawWildcard,
  $exists: (random) => random.chance(0.6),
  $isNull: (random) => random.chance(0.5),
  $anythingBut: (random, world) =>
    random.chance(0.4) ? drawLiteral(random, world) : drawLiterals(random, world, random.pick([0, 1, 2, 12])),
  $not: drawLiteral,
  $includes: drawLiteral,
  $gt: drawKnownNumber,
  $gte: drawKnownNumber,
  $lt: drawKnownNumber,
  $lte: drawKnownNumber,
  $between: drawBetween,
  $contains: drawOperandJson,
  $equals: drawOperandJson,
  $cidr: (random) => random.pick(RANGES),
  $before: (random) => random.pick(DATES),
  $after: (random) => random.pick(DATES),
  $length: drawLength,
}

/** Every word that stands in the place of a key. */
const WORDS = ['$or', '$and', '$nor', '$contains', '$equals'] as const

/** What coverage is counted by: every operator, every word, and the forms that have no name. */
export const FEATURES = [
  ...Object.keys(OPERATORS),
  ...WORDS.map((word) => `key ${word}`),
  'literals',
  '[]',
  '{}',
  'nested',
]

/** What kind of filters a set has, so that every structure of an index gets its share of work. */
export interface FilterStyle {
  /** The operators that are drawn, each as often as it is named; without any, all. */
  readonly operators?: readonly string[]
  /** How often a list is one of literals. */
  readonly literals: number
  /** How often a key is a word such as `$or`. */
  readonly words: number
  /** How often a key has a filter under it. */
  readonly nested: number
  /** How many conditions there are at one level; one is picked. */
  readonly widths: readonly number[]
  readonly depthMax: number
}

/** Draws a filter that `parseFilter` accepts. */
export function drawFilter(random: Random, world: World, style: FilterStyle): Filter {
  for (;;) {
    const parsing = parseFilter(drawNode(random, world, { style, depth: 1 }))
    if (parsing.ok) return parsing.filter
  }
}

interface Place {
  readonly style: FilterStyle
  readonly depth: number
}

function drawNode(random: Random, world: World, place: Place): JsonObject {
  const width = random.pick(place.style.widths)
  return toObject(Array.from({ length: width }, () => drawEntry(random, world, place)))
}

function drawEntry(random: Random, world: World, { style, depth }: Place): [string, Json] {
  const isDeep = depth >= style.depthMax
  if (!isDeep && random.chance(style.words)) {
    const word = random.pick([...WORDS, '$or', '$or', '$nor', '$nor'] as const)
    if (word === '$contains' || word === '$equals') return [word, drawOperandJson(random, world)]
    if (word === '$and' && random.chance(0.4))
      return [word, drawBelowOneKey(random, world, { style, depth: depth + 1 })]
    const length = random.pick([1, 2, 2, 3])
    return [word, Array.from({ length }, () => drawNode(random, world, { style, depth: depth + 1 }))]
  }
  const key = random.pick(world.keys)
  if (!isDeep && random.chance(style.nested)) return [key, drawNode(random, world, { style, depth: depth + 1 })]
  return [key, drawList(random, world, style)]
}

/** Two filters on what has one key, of an array perhaps for an element each; often on the same property of it. */
function drawBelowOneKey(random: Random, world: World, { style, depth }: Place): JsonObject[] {
  const [above, below] = [random.pick(world.keys), random.pick(world.keys)]
  return Array.from({ length: 2 }, () => {
    const node = random.chance(0.5)
      ? toObject([[below, drawList(random, world, style)]])
      : drawNode(random, world, { style, depth: depth + 1 })
    return toObject([[above, node]])
  })
}

function drawList(random: Random, world: World, style: FilterStyle): Json[] {
  if (random.chance(style.literals)) return drawLiterals(random, world, random.pick([1, 1, 1, 1, 2, 3, 5, 9, 20, 40]))
  if (random.chance(0.02)) return []
  return Array.from({ length: random.pick([1, 1, 1, 2]) }, () => drawOperators(random, world, style))
}

function drawOperators(random: Random, world: World, style: FilterStyle): JsonObject {
  const names = style.operators ?? Object.keys(OPERATORS)
  const length = random.pick([1, 1, 1, 1, 2])
  return toObject(Array.from({ length }, () => drawOperator(random, world, names)))
}

function drawOperator(random: Random, world: World, names: readonly string[]): [string, Json] {
  const name = random.pick(names)
  return [name, OPERATORS[name]?.(random, world) ?? null]
}

/** Literals of one type; may repeat. */
function drawLiterals(random: Random, world: World, length: number): (string | number | boolean)[] {
  const drawn = random.below(10)
  return Array.from({ length }, () =>
    drawn < 6 ? drawText(random, world) : drawn < 9 ? drawKnownNumber(random, world) : random.chance(0.5),
  )
}

function drawLiteral(random: Random, world: World): string | number | boolean {
  return drawLiterals(random, world, 1)[0] ?? ''
}

function drawPart(random: Random, world: World, end: 'head' | 'tail'): string {
  const characters = [...drawText(random, world)]
  const length = random.chance(0.2) ? characters.length : random.below(Math.min(characters.length, 12) + 1)
  return (end === 'head' ? characters.slice(0, length) : characters.slice(characters.length - length)).join('')
}

function drawWildcard(random: Random, world: World): string {
  if (random.chance(0.1)) return random.pick(['*', '**', '*a*a*a*', '', 'a*', '*a', 'a**b', '*😀*'])
  const characters = [...drawText(random, world)]
  for (let stars = random.below(4); stars >= 0; stars -= 1) {
    characters.splice(random.below(characters.length + 1), random.below(4), '*')
  }
  return characters.join('')
}

function drawBetween(random: Random, world: World): Json {
  const [a, b] = [drawKnownNumber(random, world), drawKnownNumber(random, world)]
  if (random.chance(0.15)) return [a, a]
  return a <= b ? [a, b] : [b, a]
}

function drawLength(random: Random): Json {
  const length = random.below(5)
  return random.pick<Json>([
    length,
    { $gt: length },
    { $gte: length, $lt: length + 2 },
    { $lte: length },
    { $between: [length, length + 1] },
    { $not: length },
    { $anythingBut: [length, length + 1] },
  ])
}

/** Draws a value that satisfies a filter, mostly; or one that nearly does. Built on top of what is there already. */
export function drawValueFor(
  random: Random,
  world: World,
  aim: { filter: Json; base?: Json | undefined },
): Json | undefined {
  return aimAtNode({ random, world }, aim.filter as JsonObject, aim.base)
}

interface Aim {
  readonly random: Random
  readonly world: World
}

function aimAtNode(aim: Aim, filter: JsonObject, base: Json | undefined): Json | undefined {
  return Object.entries(filter).reduce((value, [key, wanted]) => aimAtEntry(aim, { key, wanted }, value), base)
}

function aimAtEntry(
  aim: Aim,
  { key, wanted }: { key: string; wanted: Json },
  base: Json | undefined,
): Json | undefined {
  const { random, world } = aim
  switch (key) {
    case '$or':
      return aimAtNode(aim, random.pick(wanted as JsonObject[]), base)
    case '$and':
      return (wanted as JsonObject[]).reduce<Json | undefined>((value, filter) => aimAtNode(aim, filter, value), base)
    case '$nor':
      return random.chance(0.2) ? aimAtNode(aim, random.pick(wanted as JsonObject[]), base) : base
    case '$contains':
    case '$equals':
      return drawOperandMet(aim, key, wanted)
    default: {
      const object = isObject(base) ? base : {}
      const own = Object.hasOwn(object, key) ? object[key] : undefined
      const value = Array.isArray(wanted) ? aimAtList(aim, wanted, own) : aimAtNested(aim, wanted as JsonObject, own)
      const seen = random.chance(0.93) ? value : spoil(random, world, value)
      return seen === undefined ? base : withKey(object, key, seen)
    }
  }
}

function aimAtNested(aim: Aim, filter: JsonObject, base: Json | undefined): Json | undefined {
  const { random, world } = aim
  if (!random.chance(0.3)) return aimAtNode(aim, filter, Array.isArray(base) ? base[0] : base)
  const others = Array.from({ length: random.below(3) }, () => drawJson(random, world, 2))
  const element = random.chance(0.85) ? aimAtNode(aim, filter, undefined) : undefined
  const known = Array.isArray(base) ? base : []
  return random.sample([...known, ...others, ...(element === undefined ? [] : [element])], 6)
}

function aimAtList(aim: Aim, list: readonly Json[], base: Json | undefined): Json | undefined {
  const [first] = list
  if (first === undefined) return base
  if (!isObject(first)) return aim.random.pick(list)
  const all = list.flatMap((operators) => Object.entries(operators as JsonObject))
  // The last one wins where they are at odds; two bounds meet often enough.
  return aim.random.sample(all, all.length).reduce<Json | undefined>((value, [operator, operand]) => {
    return aimAtOperator(aim, { operator, operand }, value)
  }, base)
}

function aimAtOperator(
  aim: Aim,
  { operator, operand }: { operator: string; operand: Json },
  base: Json | undefined,
): Json | undefined {
  const { random, world } = aim
  switch (operator) {
    case '$startsWith':
      return String(operand) + (random.chance(0.3) ? '' : drawText(random, world))
    case '$endsWith':
      return (random.chance(0.3) ? '' : drawText(random, world)) + String(operand)
    case '$ignoreCaseEquals':
      return alterText(random, String(operand))
    case '$wildcard':
      return String(operand).replaceAll('*', () => (random.chance(0.3) ? '' : drawText(random, world)))
    case '$exists':
      return operand === true ? (base ?? drawJson(random, world, 2)) : undefined
    case '$isNull':
      return operand === true ? null : random.chance(0.5) ? base : drawJson(random, world, 2)
    case '$includes':
      return random.sample([operand, drawJson(random, world, 1), ...(Array.isArray(base) ? base : [])], 4)
    case '$not':
    case '$anythingBut':
      return random.chance(0.4) ? (base ?? drawJson(random, world, 1)) : drawJson(random, world, 1)
    case '$contains':
    case '$equals':
      return drawOperandMet(aim, operator, operand)
    case '$length':
      return drawOfLength(aim, operand)
    default:
      return drawInRange(random, operator, operand)
  }
}

function drawInRange(random: Random, operator: string, operand: Json): Json {
  switch (operator) {
    case '$gt':
    case '$gte':
      return random.pick([Number(operand), Number(operand) + 1, Number(operand) * 2, 1e308, Infinity])
    case '$lt':
    case '$lte':
      return random.pick([Number(operand), Number(operand) - 1, -1e308, 0, -Infinity])
    case '$between': {
      const [low, high] = operand as [number, number]
      return random.pick([low, high, low / 2 + high / 2, Math.trunc(high)])
    }
    case '$cidr':
      return random.chance(0.3) ? String(operand).replace(/\/.*/, '') : random.pick(ADDRESSES)
    default:
      return random.pick(DATES)
  }
}

/** JSON that contains the operand, or equals it. */
function drawOperandMet({ random, world }: Aim, operator: string, operand: Json): Json {
  if (operator === '$equals' || typeof operand !== 'object' || operand === null) {
    if (operator === '$contains' && random.chance(0.3)) return [drawJson(random, world, 1), operand]
    return isObject(operand) ? toObject(Object.entries(operand).toReversed()) : operand
  }
  if (Array.isArray(operand)) return random.sample([...operand, drawJson(random, world, 1)], operand.length + 1)
  return toObject([[random.pick(world.keys), drawJson(random, world, 1)], ...Object.entries(operand)])
}

function drawOfLength({ random, world }: Aim, operand: Json): Json {
  const wanted =
    typeof operand === 'number' ? operand : Math.floor(Number(Object.values(operand as JsonObject).flat()[0]))
  const length = Math.max(0, wanted + random.pick([0, 0, 1, -1]))
  if (random.chance(0.5)) return Array.from({ length }, () => random.pick(['a', '😀', 'é', 'ß'])).join('')
  return Array.from({ length }, () => drawJson(random, world, 1))
}

/** Something else in the place of a value; undefined is absence. */
function spoil(random: Random, world: World, value: Json | undefined): Json | undefined {
  switch (random.below(7)) {
    case 0:
      return undefined
    case 1:
      return null
    case 2:
      return value === undefined ? [] : [value]
    case 3:
      return typeof value === 'string' ? alterText(random, value) : (JSON.stringify(value) ?? '')
    case 4:
      return typeof value === 'number' ? value + 1 : typeof value === 'string' ? Number(value) || 0 : 0
    case 5:
      return random.pick<Json>([[], {}, '', 0, false])
    default:
      return drawJson(random, world, 2)
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
