import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import {
  compileTree,
  explainTree,
  type FilterNode,
  type Json,
  matchesTree,
  parseEventPattern,
  readTreeOf,
} from '@signalbox/domain'

interface Case {
  readonly about: string
  readonly pattern: Json
  readonly matches: readonly Json[]
  readonly fails: readonly Json[]
}

interface Vectors {
  readonly cases: readonly Case[]
  readonly refused: readonly { readonly pattern: Json; readonly errors: readonly Json[] }[]
}

const vectors = JSON.parse(readFileSync(join(__dirname, 'eventbridge-patterns.json'), 'utf8')) as Vectors

function readTree(pattern: Json): FilterNode {
  const parsing = parseEventPattern(pattern)
  if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.errors)}`)
  expect(parsing.filter).toBe(pattern)
  return readTreeOf('eventbridge', parsing.filter)
}

describe('EventBridge pattern vectors', () => {
  test('all are there', () => {
    const count = vectors.cases.reduce((sum, { matches, fails }) => sum + matches.length + fails.length, 0)
    expect(count).toBeGreaterThanOrEqual(300)
    expect(vectors.refused.length).toBeGreaterThanOrEqual(60)
  })

  const answers = vectors.cases.flatMap(({ about, pattern, matches, fails }) => [
    ...matches.map((event) => [about, event, true, pattern] as const),
    ...fails.map((event) => [about, event, false, pattern] as const),
  ])
  test.each(answers)('%s: %j: %s', (_about, event, answer, pattern) => {
    const tree = readTree(pattern)
    expect(matchesTree(tree, event)).toBe(answer)
    expect(compileTree(tree)(event)).toBe(answer)
    expect(explainTree(tree, event).matches).toBe(answer)
  })

  test.each(vectors.refused.map(({ pattern, errors }) => [JSON.stringify(pattern), pattern, errors] as const))(
    '%s is refused',
    (_name, pattern, errors) => {
      const parsing = parseEventPattern(pattern)
      if (parsing.ok) throw new Error('accepted')
      expect(parsing.errors.map(({ pointer, code }) => ({ pointer, code }))).toEqual(errors)
      for (const { message } of parsing.errors) expect(message).toMatch(/^[A-Za-z"$].*\.$/)
    },
  )
})
