import type { DispatcherRule } from './dispatcher.js'
import { ANY_SOURCE, type PayloadType } from './event.js'
import { compileFilter, explainFilter, type FilterFailure } from './filter/index.js'
import type { Json } from './json.js'
import { readRequestPayload } from './request-payload.js'

/** An event as the matcher reads it. Payload and context are parsed only when a candidate has a filter on them. */
export interface MatchableEvent {
  name: string
  source: string
  externalAccountId: string | null
  payloadType: PayloadType
  readPayload: () => Json
  readContext: () => Json
}

/** The dispatchers that want an event, in the order of their ids. */
export interface MatchResult {
  dispatcherIds: string[]
  /** Those of them that take one event only. */
  onceIds: string[]
}

/** Why a dispatcher does not take an event: the first condition that fails. */
export type MatchFailure =
  | { condition: 'name' | 'source' | 'account' | 'expired' }
  | { condition: 'payloadFilter' | 'contextFilter'; failure: FilterFailure }

/** Finds the dispatchers of one environment that want an event. The index for very many filters fits behind it. */
export interface EventMatcher {
  readonly size: number
  /** Tells whether any candidate for this event name has a filter, so that payload and context have to be there. */
  readsBody(name: string): boolean
  /** `now` decides which ephemeral dispatchers have run out. Throws when a REQUEST payload can't be read. */
  match(event: MatchableEvent, now: Date): MatchResult
}

interface CompiledRule {
  rule: DispatcherRule
  matchesPayload: ((value: Json) => boolean) | undefined
  matchesContext: ((value: Json) => boolean) | undefined
}

/** Compiles the enabled, not manual dispatchers of one environment. */
export function createEventMatcher(rules: readonly DispatcherRule[]): EventMatcher {
  const sorted = rules.map(compileRule).sort(byRuleId)
  const byName = new Map<string, CompiledRule[]>()
  const wildcards: { prefix: string; compiled: CompiledRule }[] = []
  for (const compiled of sorted) {
    for (const name of new Set(compiled.rule.eventNames)) {
      if (name.endsWith('*')) wildcards.push({ prefix: name.slice(0, -1), compiled })
      else append(byName, name, compiled)
    }
  }
  const findCandidates = (name: string): CompiledRule[] => {
    const exact = byName.get(name) ?? []
    const covering = wildcards.filter((entry) => name.startsWith(entry.prefix))
    if (covering.length === 0) return exact
    const found = new Set([...exact, ...covering.map((entry) => entry.compiled)])
    return [...found].sort(byRuleId)
  }
  return {
    size: rules.length,
    readsBody: (name) =>
      findCandidates(name).some((one) => one.matchesPayload !== undefined || one.matchesContext !== undefined),
    match: (event, now) => matchCandidates(findCandidates(event.name), event, now),
  }
}

/** Says why one dispatcher does not take an event, or undefined when it does. */
export function explainMatch(rule: DispatcherRule, event: MatchableEvent, now: Date): MatchFailure | undefined {
  if (!rule.eventNames.some((entry) => isNameCovered(entry, event.name))) return { condition: 'name' }
  if (!isSourceCovered(rule, event)) return { condition: 'source' }
  if (!isAccountCovered(rule, event)) return { condition: 'account' }
  if (rule.expiresAt !== null && rule.expiresAt <= now) return { condition: 'expired' }
  if (rule.payloadFilter !== null) {
    const explained = explainFilter(rule.payloadFilter, readRequestPayload(event.payloadType, event.readPayload()))
    if (!explained.matches) return { condition: 'payloadFilter', failure: explained.failure }
  }
  if (rule.contextFilter !== null) {
    const explained = explainFilter(rule.contextFilter, event.readContext())
    if (!explained.matches) return { condition: 'contextFilter', failure: explained.failure }
  }
  return undefined
}

/** Tells whether an entry of a dispatcher's event list (exact, or ending in `*`) covers a name. Case counts. */
export function isNameCovered(entry: string, name: string): boolean {
  return entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name
}

function append(map: Map<string, CompiledRule[]>, name: string, compiled: CompiledRule): void {
  const list = map.get(name)
  if (list === undefined) map.set(name, [compiled])
  else list.push(compiled)
}

function byRuleId(a: CompiledRule, b: CompiledRule): number {
  return a.rule.id < b.rule.id ? -1 : 1
}

function compileRule(rule: DispatcherRule): CompiledRule {
  return {
    rule,
    matchesPayload: rule.payloadFilter === null ? undefined : compileFilter(rule.payloadFilter),
    matchesContext: rule.contextFilter === null ? undefined : compileFilter(rule.contextFilter),
  }
}

function matchCandidates(candidates: CompiledRule[], event: MatchableEvent, now: Date): MatchResult {
  const dispatcherIds: string[] = []
  const onceIds: string[] = []
  let payload: Json | undefined
  let context: Json | undefined
  for (const { rule, matchesPayload, matchesContext } of candidates) {
    if (!isSourceCovered(rule, event) || !isAccountCovered(rule, event)) continue
    if (rule.expiresAt !== null && rule.expiresAt <= now) continue
    if (matchesPayload !== undefined) {
      payload ??= readRequestPayload(event.payloadType, event.readPayload())
      if (!matchesPayload(payload)) continue
    }
    if (matchesContext !== undefined) {
      context ??= event.readContext()
      if (!matchesContext(context)) continue
    }
    dispatcherIds.push(rule.id)
    if (rule.once) onceIds.push(rule.id)
  }
  return { dispatcherIds, onceIds }
}

function isSourceCovered(rule: DispatcherRule, event: MatchableEvent): boolean {
  return rule.source === ANY_SOURCE || rule.source === event.source
}

function isAccountCovered(rule: DispatcherRule, event: MatchableEvent): boolean {
  return rule.externalAccountId === null || rule.externalAccountId === event.externalAccountId
}
