import type { DispatcherRule, MatchableEvent, TenantScope } from '@signalbox/domain'
import { createPause } from '../src/create-pause.js'
import { createMatcherCache, type MatcherCache, type MatcherCacheDeps } from '../src/matcher-cache.js'
import type { RuleSet } from '../src/rule-set.js'
import { createFakeRules, type FakeRules } from './fake-rules.js'

/** When all of this happens. */
export const NOW = new Date('2026-05-01T12:00:00Z')

/** A cache over rules in memory, and what it told. */
export interface CachedRules {
  readonly store: FakeRules
  readonly cache: MatcherCache
  readonly told: { what: string; of: string; with: unknown }[]
  /** Another cache over the same rules, which tells the same. */
  createCache(more?: Partial<MatcherCacheDeps>): MatcherCache
}

/** Creates both, without rules. */
export function createCachedRules(): CachedRules {
  const store = createFakeRules()
  const told: CachedRules['told'] = []
  const tell = (what: string) => (detail: unknown, of: TenantScope) =>
    void told.push({ what, of: of.environmentId, with: detail })
  const createCache = (more: Partial<MatcherCacheDeps> = {}): MatcherCache =>
    createMatcherCache({
      store,
      now: () => NOW,
      pause: createPause(),
      bytesMax: 2 ** 30,
      endedEveryMs: 60_000,
      reports: {
        onRulesUnreadable: tell('unreadable'),
        onRulesUnavailable: tell('unavailable'),
        onRulesTooLarge: tell('too large'),
      },
      ...more,
    })
  return { store, cache: createCache(), told, createCache }
}

/** An environment by its name. */
export function scope(environmentId: string): TenantScope {
  return { organizationId: 'o', environmentId }
}

/** A rule that takes every event, unless more is said. */
export function makeRule(id: string, more: Partial<DispatcherRule> = {}): DispatcherRule {
  return {
    id,
    eventNames: ['*'],
    source: '*',
    filterLanguage: 'signalbox',
    payloadFilter: null,
    contextFilter: null,
    externalAccountId: null,
    expiresAt: null,
    once: false,
    ...more,
  }
}

function makeEvent(name = 'x'): MatchableEvent {
  return {
    name,
    source: 's',
    externalAccountId: null,
    payloadType: 'JSON',
    readPayload: () => ({}),
    readContext: () => ({}),
    readEnvelope: () => ({ eventId: 'e', timestamp: NOW, accountIdentifier: null }),
  }
}

/** Which rules take an event of this name. */
export function match(set: RuleSet, name?: string): string[] {
  return set.matcher.match(makeEvent(name), NOW).dispatcherIds
}

/** Ids in their order. */
export function ids(count: number, start = 0): string[] {
  return Array.from({ length: count }, (_, index) => String(start + index).padStart(6, '0'))
}
