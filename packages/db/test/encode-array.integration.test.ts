import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestDatabase, type TestDatabase } from '@signalbox/testkit'
import fc from 'fast-check'
import { createDatabase, type Database } from '../src/index.js'
import { encodeArray } from '../src/encode-array.js'

let testDatabase: TestDatabase
let database: Database

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 2 })
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

/** What Postgres makes of a column, value for value, as JSON says it. */
async function readBack(type: string, column: Buffer): Promise<unknown[]> {
  const { rows } = await database.pool.query<{ value: unknown }>(
    `select to_jsonb(v) as value from unnest($1::${type}[]) with ordinality as u(v, n) order by n`,
    [column],
  )
  return rows.map((row) => row.value)
}

const storable = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'))
const orNull = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<(Value | null)[]> =>
  fc.array(fc.option(value), { maxLength: 50 })

describe('what is encoded is what Postgres reads', () => {
  test('texts', async () => {
    await fc.assert(
      fc.asyncProperty(orNull(storable), async (texts) => {
        expect(await readBack('text', encodeArray.text(texts))).toEqual(texts)
      }),
    )
  })

  test('UUIDs, in any case', async () => {
    const uuid = fc.uuid().chain((text) => fc.constantFrom(text, text.toUpperCase()))
    await fc.assert(
      fc.asyncProperty(orNull(uuid), async (uuids) => {
        const expected = uuids.map((text) => text?.toLowerCase() ?? null)
        expect(await readBack('uuid', encodeArray.uuid(uuids))).toEqual(expected)
      }),
    )
  })

  test('UUIDs that repeat, one after another and apart', async () => {
    const [a, b] = ['0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', 'ffffffff-ffff-4fff-bfff-ffffffffffff']
    for (const column of [
      [a, a, null, a, b, a, a.toUpperCase(), a],
      [b, b, b],
    ]) {
      const expected = column.map((text) => text?.toLowerCase() ?? null)
      expect(await readBack('uuid', encodeArray.uuid(column))).toEqual(expected)
    }
  })

  test('integers', async () => {
    await fc.assert(
      fc.asyncProperty(orNull(fc.integer()), async (integers) => {
        expect(await readBack('int', encodeArray.integer(integers))).toEqual(integers)
      }),
    )
  })

  test('booleans', async () => {
    await fc.assert(
      fc.asyncProperty(orNull(fc.boolean()), async (booleans) => {
        expect(await readBack('boolean', encodeArray.boolean(booleans))).toEqual(booleans)
      }),
    )
  })

  test('times, to the millisecond, from the year 1 to the year 9999', async () => {
    const time = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    })
    await fc.assert(
      fc.asyncProperty(orNull(time), async (times) => {
        const read = await readBack('timestamptz', encodeArray.timestamptz(times))
        expect(read.map((text) => (text === null ? null : new Date(text as string)))).toEqual(times)
      }),
    )
  })

  test('JSON', async () => {
    const json = fc
      .jsonValue({ stringUnit: 'binary' })
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
      .filter((value) => value !== null && !JSON.stringify(value).includes('\\u0000'))
    await fc.assert(
      fc.asyncProperty(orNull(json), async (values) => {
        const texts = values.map((value) => (value === null ? null : JSON.stringify(value)))
        expect(await readBack('jsonb', encodeArray.jsonb(texts))).toEqual(values)
      }),
    )
  })

  test('what is left out is null', async () => {
    expect(await readBack('text', encodeArray.text(['a', undefined]))).toEqual(['a', null])
  })
})

describe('what is no value of its type is refused before it is sent', () => {
  test.each([
    ['too short', '0199f0f0-0000-7000-8000-00000000000'],
    ['not hexadecimal', '0199f0f0-0000-7000-8000-00000000000g'],
    ['a character that is a digit but for its eighth bit', '0199f0f0-0000-7000-8000-00000000000\u00b0'],
    ['hyphens elsewhere', '0199f0f00-000-7000-8000-000000000000'],
    ['empty', ''],
  ])('a UUID that is %s', (_, text) => {
    expect(() => encodeArray.uuid([text])).toThrow(RangeError)
  })

  test('a time that is none', () => {
    expect(() => encodeArray.timestamptz([new Date(Number.NaN)])).toThrow(RangeError)
  })

  test('a number that is no integer of four bytes', () => {
    expect(() => encodeArray.integer([2 ** 31])).toThrow('out of range')
  })
})
