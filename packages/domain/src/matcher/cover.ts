import type { DispatcherRule } from '../dispatcher.js'
import { ANY_SOURCE } from '../event.js'
import type { MatchableEvent } from './matchable-event.js'

/** Tells whether an entry of a dispatcher's event list (exact, or ending in `*`) covers a name. Case counts. */
export function isNameCovered(entry: string, name: string): boolean {
  return entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name
}

/** Tells whether a dispatcher takes events of this one's source. */
export function isSourceCovered(rule: Pick<DispatcherRule, 'source'>, event: Pick<MatchableEvent, 'source'>): boolean {
  return rule.source === ANY_SOURCE || rule.source === event.source
}

/** Tells whether a dispatcher is bound to no account, or to this event's. */
export function isAccountCovered(
  rule: Pick<DispatcherRule, 'externalAccountId'>,
  event: Pick<MatchableEvent, 'externalAccountId'>,
): boolean {
  return rule.externalAccountId === null || rule.externalAccountId === event.externalAccountId
}
