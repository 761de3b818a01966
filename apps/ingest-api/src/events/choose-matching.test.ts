import { describe, expect, test } from '@jest/globals'
import type { StoredEventRecord } from '@signalbox/db'
import {
  DEFAULT_LIMITS,
  type DispatcherRule,
  type Environment,
  type Filter,
  type Json,
  parseFilter,
} from '@signalbox/domain'
import { chooseMatching } from './choose-matching.js'

const scope = { limits: { ...DEFAULT_LIMITS, fanoutMax: 3 } } as Environment
const NOW = new Date()
const event: StoredEventRecord = {
  recordId: 'r',
  eventId: 'e',
  name: 'n',
  source: 's',
  payloadType: 'JSON',
  payload: { a: 1 },
  context: {},
  externalAccountId: null,
  accountIdentifier: null,
  unknownAccountId: null,
  orderingKey: null,
  state: 'delivered',
  failureReason: null,
  matchedCount: 0,
  fanoutLimited: 0,
  isTest: false,
  timestamp: NOW,
  deliverAt: NOW,
  deliveredAt: NOW,
  cancelledAt: null,
  createdAt: NOW,
  updatedAt: NOW,
}

function readFilter(value: Json): Filter {
  const parsed = parseFilter(value)
  if (!parsed.ok) throw new Error('the filter is not valid')
  return parsed.filter
}

function makeRule(id: string, a = 1): DispatcherRule {
  return {
    id,
    eventNames: ['n'],
    source: 's',
    filterLanguage: 'signalbox',
    payloadFilter: readFilter({ a: [a] }),
    contextFilter: null,
    externalAccountId: null,
    expiresAt: null,
    once: false,
  }
}

/** Gives these rules, a page each; then, if it is endless, the last one for ever. */
function openPages(pages: DispatcherRule[][], isEndless = false) {
  const asked: (string | undefined)[] = []
  return {
    asked,
    async findCandidates(_scope: unknown, _event: unknown, afterId: string | undefined) {
      asked.push(afterId)
      const rules = pages[Math.min(asked.length, pages.length) - 1] ?? []
      const isLast = asked.length >= pages.length && !isEndless
      return { rules, nextAfterId: isLast ? undefined : `after ${asked.length}` }
    },
  }
}

describe('choosing who gets an event again', () => {
  test('takes the first that match, over all pages, and counts the others', async () => {
    const pages = openPages([
      [makeRule('a'), makeRule('b', 2)],
      [],
      [makeRule('c'), makeRule('d'), makeRule('e'), makeRule('f')],
    ])
    expect(await chooseMatching(pages, scope, event)).toEqual({ dispatcherIds: ['a', 'c', 'd'], fanoutLimited: 2 })
    expect(pages.asked).toEqual([undefined, 'after 1', 'after 2'])
  })

  test('ends when very many don’t match, and says that it did not get through', async () => {
    const pages = openPages([[makeRule('a')], [makeRule('b', 2)]], true)
    expect(await chooseMatching(pages, scope, event)).toMatchObject({ problem: 'filter_too_expensive' })
    expect(pages.asked).toHaveLength(200)
  })

  test('gives those who get it when there are very many more, however many', async () => {
    const pages = openPages([[makeRule('a'), makeRule('b'), makeRule('c')], [makeRule('d')]], true)
    const chosen = await chooseMatching(pages, scope, event)
    expect(chosen).toEqual({ dispatcherIds: ['a', 'b', 'c'], fanoutLimited: 199 })
  })
})
