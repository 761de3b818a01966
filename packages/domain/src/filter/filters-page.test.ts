import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { Json } from '../json.js'
import { OPERAND_CHECKS } from './filter-operands.js'
import { matchesFilter } from './matches-filter.js'
import { parseFilter } from './parse-filter.js'

const page = readFileSync(join(__dirname, '../../../../docs/filters.md'), 'utf8')

/** Rows of the page that end in a filter, a value that matches it and one that does not. */
const examples = [...page.matchAll(/^\| `(\$\w+)` +\|.*\| `([^`]*)` +\| `([^`]*)` +\| `([^`]*)` +\|$/gm)].map(
  ([, name = '', ...cells]) => [name, ...cells.map((cell) => JSON.parse(cell) as Json)] as [string, Json, Json, Json],
)

describe('docs/filters.md', () => {
  test('has an example of every operator and word', () => {
    const names = new Set(examples.map(([name]) => name))
    expect([...names].toSorted()).toEqual([...OPERAND_CHECKS.keys(), '$or', '$and', '$nor'].toSorted())
  })

  test.each(examples)('its example of %s is true: %j matches %j, not %j', (...[, filter, matching, other]) => {
    const parsing = parseFilter(filter)
    if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
    expect(matchesFilter(parsing.filter, matching)).toBe(true)
    expect(matchesFilter(parsing.filter, other)).toBe(false)
  })

  test('has every code of a refusal', () => {
    const source = readFileSync(join(__dirname, 'filter.ts'), 'utf8')
    const codes = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code]) => code)
    expect(codes).toHaveLength(17)
    for (const code of codes) expect(page).toContain(`\`${code}\``)
  })
})
