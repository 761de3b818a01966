import type { DispatcherRule } from '../../src/dispatcher.js'
import { type Filter, parseFilter } from '../../src/filter/index.js'
import type { Json } from '../../src/json.js'
import { type EventCase, NOW_MS } from './draw-rules.js'

/** A filter that was checked as those that are written are. */
export function makeFilter(input: Json): Filter {
  const parsing = parseFilter(input)
  if (!parsing.ok) throw new Error(JSON.stringify(parsing.errors))
  return parsing.filter
}

/** A rule for `order.paid` of `shop`. */
export function makeRule(id: string, more: Partial<DispatcherRule> = {}): DispatcherRule {
  return {
    id,
    eventNames: ['order.paid'],
    source: 'shop',
    filterLanguage: 'signalbox',
    payloadFilter: null,
    contextFilter: null,
    externalAccountId: null,
    expiresAt: null,
    once: false,
    ...more,
  }
}

/** Rules of one payload filter each, with ids in the order of the filters. */
export function makeRules(filters: readonly Json[]): DispatcherRule[] {
  return filters.map((filter, index) =>
    makeRule(`rule ${String(index).padStart(6, '0')}`, { payloadFilter: makeFilter(filter) }),
  )
}

/** An event `order.paid` of `shop`. */
export function makeEventCase(more: Partial<EventCase> = {}): EventCase {
  return {
    name: 'order.paid',
    source: 'shop',
    externalAccountId: null,
    accountIdentifier: null,
    eventId: 'event',
    timestampMs: NOW_MS,
    payloadType: 'JSON',
    payload: {},
    context: {},
    nowMs: NOW_MS,
    ...more,
  }
}
