import type { Json, JsonObject } from '../../src/json.js'
import type { Random } from './random.js'

/** Keys that every object seems to have, that look like paths or operators, or that code made of them could trip over. */
const ODD_KEYS = [
  '',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'length',
  'toString',
  'valueOf',
  '0',
  '-1',
  'a.b',
  'a/b~c',
  '$ref',
  'a"b',
  "it's",
  'new\nline',
  '`${1}`',
  '\\u0041',
  '\u2028',
  'é',
  'e\u0301',
  '😀',
  'Ａ',
]

/** Texts that are equal, nearly equal or only seem so, under some way of comparing. */
const ODD_TEXTS = [
  '',
  ' ',
  '*',
  'a',
  'A',
  'ab',
  'aB',
  'abc',
  'ABC',
  'abcabcabc',
  'Ａ',
  'ａｂｃ',
  'é',
  'É',
  'e\u0301',
  'e',
  'ß',
  'ss',
  'SS',
  'straße',
  'STRASSE',
  'Straſſe',
  'ﬁn',
  'FIN',
  'K', // The sign for kelvin, whose lower case is an ASCII letter.
  'k',
  'İ',
  'i',
  'ı',
  'a\u00ad',
  'a\u0001',
  '\u007fa',
  'a\u200db',
  'a\tb',
  '😀',
  '😀😀',
  '\u{1f601}',
  '1',
  '0',
  'true',
  'null',
  '[1]',
  '__proto__',
  'constructor',
  'x'.repeat(70),
  `${'x'.repeat(70)}y`,
]

const ODD_NUMBERS = [
  0,
  -0,
  1,
  -1,
  1.5,
  2,
  3,
  10,
  0.1 + 0.2,
  0.3,
  5e-324,
  1e21,
  1e308,
  -1e308,
  1.7976931348623157e308,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  1e-7,
]

export const DATES = [
  '2026-01-01',
  '2026-01-01T00:00:00Z',
  '2026-01-01T01:00:00+01:00',
  '2025-12-31T23:59:59.999999999999Z',
  '2026-01-01T00:00:00.000000000001Z',
  '2026-01-01T00:00:00.0000000000010Z',
  '2026-01-01T00:00:00.000000000002Z',
  '2026-01-01t00:00:00,5z',
  '2026-01-01T00:00:00.49999999999999999999',
  '2025-12-31T23:30:00.5-00:30',
  '2026-01-01T00:00',
  '1969-12-31T23:59:59.5Z',
  '1970-01-01',
  '0000-01-01',
  '0000-01-01T00:00:00+23:59',
  '9999-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59.999-23:59',
  '2024-02-29',
]

/** Look like dates and are none. */
const NO_DATES = ['2026-02-30', '2026-01-01T24:00:00Z', '2026-1-1', '2026-01-01Z', '20260101', '2026-01-01T00:00:60Z']

export const RANGES = [
  '10.0.0.0/8',
  '10.1.2.3/8',
  '10.1.0.0/16',
  '10.1.2.3/32',
  '0.0.0.0/0',
  '128.0.0.0/1',
  '255.255.255.255/32',
  '255.255.255.254/31',
  '192.168.1.77/27',
  '::/0',
  '::/128',
  '2001:db8::/32',
  '2001:db8::1/128',
  '2001:db8:0:8000::/49',
  '::ffff:10.0.0.0/104',
  '::ffff:0:0/96',
  '::ffff:a01:203/128',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128',
]

export const ADDRESSES = [
  '10.1.2.3',
  '10.255.255.255',
  '9.255.255.255',
  '11.0.0.0',
  '0.0.0.0',
  '127.255.255.255',
  '128.0.0.0',
  '255.255.255.255',
  '192.168.1.95',
  '192.168.1.96',
  '192.168.1.63',
  '192.168.1.64',
  '::',
  '::1',
  '2001:db8::1',
  '2001:DB8::1',
  '2001:0db8:0:0:0:0:0:0001',
  '2001:db8:0:8000::5',
  '2001:db8:0:7fff:ffff::',
  '::ffff:10.1.2.3',
  '::ffff:a01:203',
  '0:0:0:0:0:ffff:a01:203',
  '::10.1.2.3',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '64:ff9b::10.1.2.3',
]

/** Look like addresses and are none. */
const NO_ADDRESSES = ['10.1.2.03', '10.1.2', '10.1.2.3.4', '256.0.0.0', '::1%eth0', '10.1.2.3/32', ':::', '1::2::3']

/** What a set of rules and its events draw from: few keys and literals, so that they meet. */
export interface World {
  readonly keys: readonly string[]
  readonly texts: readonly string[]
  readonly numbers: readonly number[]
}

/** Draws the few keys and literals of one set. */
export function drawWorld(random: Random, size: { keys: number; literals: number }): World {
  const plainKeys = ['status', 'customer', 'country', 'items', 'sku', 'total', 'tags', 'meta', 'createdAt', 'ip']
  const words = Array.from({ length: size.literals }, () => drawWord(random))
  const numbers = Array.from({ length: size.literals }, () => drawNumber(random))
  return {
    keys: random.sample([...random.sample(plainKeys, 6), ...random.sample(ODD_KEYS, 6)], size.keys),
    texts: random.sample([...random.sample(ODD_TEXTS, size.literals), ...words], size.literals),
    numbers: random.sample([...random.sample(ODD_NUMBERS, size.literals), ...numbers], size.literals),
  }
}

/** Draws a text that the rules of a world may know, or one that is nearly it. */
export function drawText(random: Random, world: World): string {
  const text = random.pick(world.texts)
  return random.chance(0.75) ? text : alterText(random, text)
}

/** Changes a text a little; some changes are none under `$ignoreCaseEquals`, some are none under any operator. */
export function alterText(random: Random, text: string): string {
  switch (random.below(14)) {
    case 0:
      return text.toUpperCase()
    case 1:
      return text.toLowerCase()
    case 2:
      return text.normalize('NFD')
    case 3:
      return text.normalize('NFC')
    case 4:
      return text.replaceAll(/[!-~]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0))
    case 5:
      return text.replaceAll(/ss/gi, 'ß')
    case 6:
      return text.replaceAll('ß', 'SS')
    case 7:
      return `${text}\u00ad`
    case 8:
      return `${text.slice(0, 1)}\u0001${text.slice(1)}`
    case 9:
      return `${text}a`
    case 10:
      return `a${text}`
    case 11:
      return [...text].slice(0, -1).join('')
    case 12:
      return [...text].slice(1).join('')
    default:
      return text + text
  }
}

/** Draws a number that the rules of a world may know, or one beside it. */
export function drawKnownNumber(random: Random, world: World): number {
  const number = random.pick(world.numbers)
  if (random.chance(0.7)) return number
  return toFinite(number + random.pick([-1, 1, 0.5, -0.5, number * Number.EPSILON, number * -Number.EPSILON]))
}

/** Draws any scalar of a world. `Infinity` is what `JSON.parse` makes of `1e999`; only events may have it. */
function drawScalar(random: Random, world: World): Json {
  const drawn = random.below(20)
  if (drawn < 9) return drawText(random, world)
  if (drawn < 14) return drawKnownNumber(random, world)
  if (drawn < 16) return random.chance(0.5)
  if (drawn === 16) return null
  if (drawn === 17) return random.pick([...DATES, ...NO_DATES])
  if (drawn === 18) return random.pick([...ADDRESSES, ...NO_ADDRESSES])
  return random.chance(0.7) ? random.pick([...ODD_TEXTS, ...ODD_NUMBERS]) : random.pick([Infinity, -Infinity])
}

/** Draws any JSON of a world. */
export function drawJson(random: Random, world: World, depth = 3): Json {
  const drawn = depth === 0 ? 0 : random.below(10)
  if (drawn < 6) return drawScalar(random, world)
  const length = random.below(4)
  if (drawn < 8) return Array.from({ length }, () => drawJson(random, world, depth - 1))
  return toObject(Array.from({ length }, () => [random.pick(world.keys), drawJson(random, world, depth - 1)]))
}

/** Draws JSON that a filter may hold: without `Infinity`. */
export function drawOperandJson(random: Random, world: World, depth = 2): Json {
  return JSON.parse(JSON.stringify(drawJson(random, world, depth))) as Json
}

/** An object of these own properties, also when one is called `__proto__`. */
export function toObject(entries: readonly (readonly [string, Json])[]): JsonObject {
  return Object.fromEntries(entries)
}

/** The same object with one own property set anew. */
export function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  return toObject([...Object.entries(object).filter(([each]) => each !== key), [key, value]])
}

function drawWord(random: Random): string {
  const word = random.pick(['order', 'Order', 'payment', 'user', 'ab', 'größe', 'naïve'])
  return `${word}${random.pick(['', '-', '.'])}${random.below(30)}`
}

function drawNumber(random: Random): number {
  return random.pick([random.below(20), random.below(2_000) / 10, -random.below(50), random.below(2 ** 31)])
}

function toFinite(number: number): number {
  return Number.isFinite(number) ? number : 0
}
