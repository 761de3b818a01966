import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { FilterLanguage } from '../dispatcher.js'
import { PATTERN_OPERATORS } from '../filter/eventbridge/pattern-operands.js'
import { OPERAND_CHECKS } from '../filter/filter-operands.js'
import { parseFilterOf } from '../filter/filter-language.js'
import type { Json } from '../json.js'
import { describeIndexing } from './index.js'

const page = readFileSync(join(__dirname, '../../../../docs/matcher.md'), 'utf8')

/** Rows that begin with an operator and a filter, and end in how well that is looked up. */
const rows = [...page.matchAll(/^\| `([^`]+)` +\| `([^`]*)` +\|.*\| (well|weakly|not) +\|$/gm)].map(
  ([, operator = '', filter = '', how = '']) => ({ operator, filter: JSON.parse(filter) as Json, how }),
)
const isPattern = ({ filter }: { filter: Json }): boolean => Object.hasOwn(filter as object, 'detail')

/** Rows of a filter and of what is better. */
const advice = [...page.matchAll(/^\| `(\{[^`]*)` +\| `(\{[^`]*)` +\|$/gm)].map(
  ([, bad = '', good = '']) => [JSON.parse(bad), JSON.parse(good)] as [Json, Json],
)

function rate(filter: Json, language: FilterLanguage = 'signalbox'): string {
  const parsing = parseFilterOf(language, filter)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  const { isIndexed, warning } = describeIndexing({
    filterLanguage: language,
    payloadFilter: parsing.filter,
    contextFilter: null,
    externalAccountId: null,
    source: '*',
  })
  if (!isIndexed) return 'not'
  return warning === null ? 'well' : 'weakly'
}

describe('docs/matcher.md', () => {
  test('rates every operator of both languages', () => {
    const named = (isWanted: (row: (typeof rows)[number]) => boolean, more: string[]): string[] =>
      [...new Set(rows.filter(isWanted).map(({ operator }) => operator))]
        .filter((each) => !more.includes(each))
        .toSorted()
    expect(named((row) => !isPattern(row), ['literals', 'booleans', '$and', '$or', '$nor'])).toEqual(
      [...OPERAND_CHECKS.keys()].toSorted(),
    )
    expect(named(isPattern, ['values'])).toEqual([...PATTERN_OPERATORS].toSorted())
  })

  test.each(rows)('is right of $operator in $filter: $how', ({ filter, how, operator }) => {
    const language = isPattern({ filter }) ? 'eventbridge' : 'signalbox'
    if (operator.startsWith('$')) expect(JSON.stringify(filter)).toContain(`"${operator}"`)
    expect(rate(filter, language)).toBe(how)
  })

  test.each(advice)('prefers to %j, which is looked up badly, %j, which is looked up well', (bad, good) => {
    expect(rate(bad)).not.toBe('well')
    expect(rate(good)).toBe('well')
  })

  test('gives advice', () => {
    expect(advice).toHaveLength(5)
  })
})
