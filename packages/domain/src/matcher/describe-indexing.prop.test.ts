import { describe, expect, test } from '@jest/globals'
import { drawSet, NOW_MS, SET_STYLES, toMatchable } from '../../test/matcher/draw-rules.js'
import { createTunedMatcher } from '../../test/matcher/matcher-tuning.js'
import { createRandom } from '../../test/matcher/random.js'
import type { Json } from '../json.js'
import { describeIndexing } from './index.js'

/** `MATCHER_SEED` repeats a run. */
const seed = Number(process.env['MATCHER_SEED'] ?? Date.now() % 2 ** 31)

function find(filter: Json, pointer: string): Json | undefined {
  let value: unknown = filter
  for (const token of pointer.split('/').slice(1).map(unescapeToken)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined
    value = (value as Record<string, unknown>)[token]
  }
  return value as Json
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** Some payloads can't be read, and some filters cost too much. */
function isMatchable(match: () => unknown): boolean {
  try {
    match()
    return true
  } catch {
    return false
  }
}

describe(`the description of drawn rules (seed ${seed})`, () => {
  let triedCount = 0

  test.each(Object.entries(SET_STYLES))(
    '%s: names conditions that there are, and filters that are always tried',
    (...[, style]) => {
      const { rules, events } = drawSet(createRandom(seed), style, { rules: 200, events: 10 })
      for (const rule of rules) {
        const { isIndexed, conditions, warning } = describeIndexing(rule)
        for (const { filter, pointer } of conditions) {
          if (filter !== null) expect([pointer, find(rule[filter], pointer)]).not.toEqual([pointer, undefined])
        }
        if (isIndexed) continue
        expect(warning).not.toBeNull()
        // Bound to nothing else, it is looked at for each event.
        const open = { ...rule, eventNames: ['*'], source: '*', externalAccountId: null, expiresAt: null }
        const matcher = createTunedMatcher({ scanMax: 0 }, [open])
        const tried = events.filter((event) => isMatchable(() => matcher.match(toMatchable(event), new Date(NOW_MS))))
        expect(matcher.stats().candidates).toBeGreaterThanOrEqual(tried.length)
        triedCount += tried.length
      }
    },
  )

  test('drew filters that are always tried', () => {
    expect(triedCount).toBeGreaterThan(100)
  })
})
