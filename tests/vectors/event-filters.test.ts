import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { type Json, compileFilter, explainFilter, matchesFilter, parseFilter } from '@signalbox/domain'

interface MatchVector {
  readonly payload: Json
  readonly filter: Json
  readonly matches: boolean
}

interface Vectors {
  readonly compatible: readonly MatchVector[]
  readonly ours: readonly MatchVector[]
  readonly invalid: readonly { readonly filter: Json }[]
}

const vectors = JSON.parse(readFileSync(join(__dirname, 'event-filters.json'), 'utf8')) as Vectors

function nameOf({ filter, payload }: MatchVector): string {
  return `${JSON.stringify(filter)} on ${JSON.stringify(payload).slice(0, 60)}`
}

describe('event filter vectors', () => {
  test('all are there', () => {
    expect(vectors.compatible.length).toBeGreaterThanOrEqual(71)
    expect(vectors.ours.length).toBeGreaterThanOrEqual(20)
    expect(vectors.invalid.length).toBeGreaterThanOrEqual(27)
  })

  test.each([...vectors.compatible, ...vectors.ours].map((vector) => [nameOf(vector), vector] as const))(
    '%s',
    (_name, { filter, payload, matches }) => {
      const parsing = parseFilter(filter)
      if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.errors)}`)
      expect(parsing.filter).toBe(filter)
      expect(matchesFilter(parsing.filter, payload)).toBe(matches)
      expect(compileFilter(parsing.filter)(payload)).toBe(matches)
      expect(explainFilter(parsing.filter, payload).matches).toBe(matches)
    },
  )

  test.each(vectors.invalid.map(({ filter }) => [JSON.stringify(filter), filter] as const))(
    '%s is refused',
    (_name, filter) => {
      const parsing = parseFilter(filter)
      expect(parsing).toMatchObject({ ok: false, errors: expect.arrayContaining([expect.anything()]) })
    },
  )
})
