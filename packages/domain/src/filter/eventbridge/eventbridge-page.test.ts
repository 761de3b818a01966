import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { Json } from '../../json.js'
import { matchesTree } from '../matches-filter.js'
import { parseEventPattern } from './parse-event-pattern.js'
import { PATTERN_OPERATORS } from './pattern-operands.js'
import { readEventPatternTree } from './read-event-pattern-tree.js'

const page = readFileSync(join(__dirname, '../../../../../docs/eventbridge.md'), 'utf8')

/** Rows of the page that end in a pattern, an event that matches it and one that does not. */
const examples = [...page.matchAll(/^\| (.+?) +\| .+ \| `([^`]*)` +\| `([^`]*)` +\| `([^`]*)` +\|$/gm)].map(
  ([, name = '', ...cells]) => [name, ...cells.map((cell) => JSON.parse(cell) as Json)] as [string, Json, Json, Json],
)

describe('docs/eventbridge.md', () => {
  test('has an example of every operator', () => {
    const names = new Set(examples.map(([name]) => name.replaceAll('`', '')))
    expect([...names].toSorted()).toEqual([...PATTERN_OPERATORS, '$or', 'a value'].toSorted())
  })

  test.each(examples)('its example of %s is true: %j matches %j, not %j', (...[, pattern, matching, other]) => {
    const parsing = parseEventPattern(pattern)
    if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
    const tree = readEventPatternTree(parsing.filter)
    expect(matchesTree(tree, matching)).toBe(true)
    expect(matchesTree(tree, other)).toBe(false)
  })
})
