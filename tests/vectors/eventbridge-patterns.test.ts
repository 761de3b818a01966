import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import {
  buildEnvelope,
  compileTree,
  createEventMatcher,
  type DispatcherRule,
  explainTree,
  type FilterNode,
  isJsonObject,
  type Json,
  type MatchableEvent,
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

function readDetail(event: Json): Json[] {
  return isJsonObject(event) && event['detail'] !== undefined ? [event['detail']] : []
}

function makeRule(id: string, pattern: Json): DispatcherRule {
  const parsing = parseEventPattern(pattern)
  if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.errors)}`)
  return {
    id,
    eventNames: ['*'],
    source: '*',
    filterLanguage: 'eventbridge',
    payloadFilter: parsing.filter,
    contextFilter: null,
    externalAccountId: null,
    expiresAt: null,
    once: false,
  }
}

function makeEvent(detail: Json): MatchableEvent {
  return {
    name: 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    externalAccountId: null,
    payloadType: 'JSON',
    readPayload: () => detail,
    readContext: () => ({}),
    readEnvelope: () => ({ eventId: 'e', timestamp: new Date('2017-12-22T18:43:48Z'), accountIdentifier: null }),
  }
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

  test('a matcher of all patterns together gives the same answers', () => {
    const rules = vectors.cases.map(({ pattern }, index) => makeRule(`${index}`.padStart(4, '0'), pattern))
    // Enough of them that they are indexed, not tried one by one.
    const copies = rules.flatMap((rule) => [0, 1, 2].map((copy) => ({ ...rule, id: `${rule.id}-${copy}` })))
    const matcher = createEventMatcher(copies)
    const now = new Date(0)
    const details = vectors.cases.flatMap(({ matches, fails }) => [...matches, ...fails].flatMap(readDetail))
    let matched = 0
    for (const detail of details) {
      const event = makeEvent(detail)
      const envelope = buildEnvelope(event)
      const expected = copies.filter(({ payloadFilter }) => matchesTree(readTree(payloadFilter), envelope))
      expect(matcher.match(event, now).dispatcherIds).toEqual(expected.map(({ id }) => id))
      matched += expected.length
    }
    expect(details.length).toBeGreaterThan(250)
    expect(matched).toBeGreaterThan(details.length)
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
