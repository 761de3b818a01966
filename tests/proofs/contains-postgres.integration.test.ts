import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Json, type JsonObject, compileFilter, matchesFilter, parseFilter } from '@signalbox/domain'
import pg from 'pg'

/** Pairs compared; sent in one round trip for each thousand. */
const PAIRS = 6_000
const BATCH = 1_000

/** Printed in the name of the test: the same seed makes the same pairs. */
const seed = Date.now() % 2 ** 31

interface Pair {
  readonly value: Json
  readonly operand: Json
}

/** Cases in which Postgres' rule is easily misread. */
const KNOWN_PAIRS: readonly Pair[] = [
  { value: ['a'], operand: 'a' },
  { value: 'a', operand: ['a'] },
  { value: [null], operand: null },
  { value: null, operand: null },
  { value: { a: ['x'] }, operand: { a: 'x' } },
  { value: [['a']], operand: ['a'] },
  { value: [['a']], operand: 'a' },
  { value: [1, 2], operand: [2, 2, 1, 1] },
  { value: [{ a: 1 }, { b: 2 }], operand: [{ a: 1, b: 2 }] },
  { value: [{ a: 1, b: 2 }], operand: [{ a: 1 }, { b: 2 }] },
  { value: [{ a: 1 }], operand: { a: 1 } },
  { value: [], operand: [] },
  { value: [], operand: {} },
  { value: {}, operand: [] },
  { value: [[1, 2, 3]], operand: [[3], [1]] },
  { value: { a: 1 }, operand: {} },
  { value: 0, operand: -0 },
  { value: [1e21], operand: 1e21 },
  { value: { a: null }, operand: { a: null } },
  { value: {}, operand: { a: null } },
]

describe('$contains is Postgres jsonb @>', () => {
  let client: pg.Client | undefined

  beforeAll(async () => {
    const connectionString = process.env['TEST_DATABASE_URL']
    if (connectionString === undefined) throw new Error('TEST_DATABASE_URL is not set: no Postgres to compare with')
    client = new pg.Client({ connectionString })
    await client.connect()
  })

  afterAll(async () => {
    await client?.end()
  })

  async function askPostgres(pairs: readonly Pair[]): Promise<boolean[]> {
    if (client === undefined) throw new Error('not connected')
    const { rows } = await client.query<{ contains: boolean }>(
      `select (pair -> 'value') @> (pair -> 'operand') as contains
       from jsonb_array_elements($1::jsonb) with ordinality as pairs (pair, place)
       order by place`,
      [JSON.stringify(pairs)],
    )
    return rows.map((row) => row.contains)
  }

  test('for the pairs that are easily misread', async () => {
    expect(KNOWN_PAIRS.map(askUs)).toEqual(await askPostgres(KNOWN_PAIRS))
  })

  test(`for ${PAIRS} random pairs (seed ${seed})`, async () => {
    const random = createRandom(seed)
    const pairs = Array.from({ length: PAIRS }, () => makePair(random))
    let contained = 0
    for (let from = 0; from < pairs.length; from += BATCH) {
      const batch = pairs.slice(from, from + BATCH)
      const answers = await askPostgres(batch)
      expect(answers).toHaveLength(batch.length)
      const wrong = batch.filter((pair, index) => askUs(pair) !== answers[index])
      expect(wrong).toEqual([])
      contained += answers.filter(Boolean).length
    }
    // Pairs of which nearly all, or nearly none, are contained would prove little.
    expect(contained / PAIRS).toBeGreaterThan(0.2)
    expect(contained / PAIRS).toBeLessThan(0.7)
  })
})

/** Our answer: of the evaluator and the compiled filter, as a key and as an operator. */
function askUs({ value, operand }: Pair): boolean {
  const answers = [
    [{ $contains: operand }, value],
    [{ a: [{ $contains: operand }] }, { a: value }],
    [{ a: { $contains: operand } }, { a: value }],
  ].flatMap(([input, subject]) => {
    const parsing = parseFilter(input)
    if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.errors)}`)
    return [matchesFilter(parsing.filter, subject as Json), compileFilter(parsing.filter)(subject as Json)]
  })
  if (new Set(answers).size !== 1) throw new Error(`no one answer for ${JSON.stringify({ value, operand })}`)
  return answers[0] === true
}

type Random = () => number

/** A linear congruential generator (Numerical Recipes), from 0 up to 1. */
function createRandom(start: number): Random {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** A third is unrelated, a third is made to be contained, a third is that with one part changed. */
function makePair(random: Random): Pair {
  const value = makeJson(random, 4)
  const kind = Math.floor(random() * 3)
  if (kind === 0) return { value, operand: makeJson(random, 3) }
  const part = takePart(random, value)
  return { value, operand: kind === 1 ? part : changeOnePart(random, part) }
}

const KEYS = ['a', 'b', 'c', '', '__proto__', 'constructor', '0'] as const
const SCALARS = [null, true, false, 0, -0, 1, 2, 1.5, 1e21, '', 'a', 'A', 'é', '1', 'true', 'null', '😀'] as const

function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0]
}

function makeJson(random: Random, depth: number): Json {
  const kind = random()
  if (depth === 0 || kind < 0.3) return pick<Json>(random, SCALARS)
  const length = Math.floor(random() * (random() < 0.1 ? 12 : 5))
  const children = Array.from({ length }, () => makeJson(random, depth - 1))
  return kind < 0.65 ? children : toObject(children.map((child) => [pick<string>(random, KEYS), child]))
}

/** `Object.fromEntries` makes own properties, also of `__proto__`. */
function toObject(entries: [string, Json][]): JsonObject {
  return Object.fromEntries(entries)
}

/** Something that the value contains: parts left out, array elements in another order and repeated. */
function takePart(random: Random, value: Json): Json {
  if (Array.isArray(value)) {
    const kept = value.filter(() => random() < 0.6).map((element) => takeNested(random, element))
    const repeated = kept.filter(() => random() < 0.2)
    const part = [...kept, ...repeated].reverse()
    const [first] = part
    // Only at the top does an array contain a bare scalar.
    return first !== undefined && typeof first !== 'object' && random() < 0.2 ? first : part
  }
  return takeNested(random, value)
}

function takeNested(random: Random, value: Json): Json {
  if (Array.isArray(value)) {
    return value.filter(() => random() < 0.6).map((element) => takeNested(random, element))
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(() => random() < 0.6)
  return toObject(entries.map(([key, child]) => [key, takeNested(random, child)]))
}

function changeOnePart(random: Random, value: Json): Json {
  if (typeof value !== 'object' || value === null || random() < 0.2) return makeJson(random, 1)
  if (Array.isArray(value)) {
    const changed = Math.floor(random() * value.length)
    if (random() < 0.3) return [...value, makeJson(random, 1)]
    return value.map((element, index) => (index === changed ? changeOnePart(random, element) : element))
  }
  const entries = Object.entries(value)
  const changed = Math.floor(random() * entries.length)
  if (random() < 0.3) return toObject([...entries, [pick<string>(random, KEYS), makeJson(random, 1)]])
  return toObject(entries.map(([key, child], index) => [key, index === changed ? changeOnePart(random, child) : child]))
}
