import type { DispatcherRule } from './dispatcher.js'
import { ANY_SOURCE, type PayloadType } from './event.js'
import {
  compileFilter,
  createWorkBudget,
  explainFilter,
  type Filter,
  type FilterExplanation,
  type FilterFailure,
  type WorkBudget,
} from './filter/index.js'
import type { Json } from './json.js'
import { readRequestPayload, RequestPayloadError } from './request-payload.js'

/** An event as the matcher reads it. Payload and context are parsed only when a candidate has a filter on them. */
export interface MatchableEvent {
  name: string
  source: string
  externalAccountId: string | null
  payloadType: PayloadType
  readPayload: () => Json
  readContext: () => Json
  /** What filters may still cost on this event. Without it every call has the budget of one event. */
  budget?: WorkBudget
}

/** The dispatchers that want an event, in the order of their ids. */
export interface MatchResult {
  dispatcherIds: string[]
  /** Those of them that take one event only. */
  onceIds: string[]
}

/** A dispatcher with what keeps it from taking events at all. */
export interface ExplainableRule {
  rule: DispatcherRule
  isEnabled: boolean
  isManual: boolean
  /** For webhooks: the endpoint that it sends to is disabled or gone. */
  isEndpointDisabled?: boolean
}

/** A condition of a dispatcher that an event does not fulfil; `payload`: a REQUEST payload that can not be read. */
export type MatchFailure =
  | { condition: 'name' | 'source' | 'account' | 'disabled' | 'endpoint_disabled' | 'manual' | 'expired' }
  | { condition: 'payload'; message: string }
  | { condition: 'payloadFilter' | 'contextFilter'; failure: FilterFailure }

/** Finds the dispatchers of one environment that want an event. The index for very many filters fits behind it. */
export interface EventMatcher {
  readonly size: number
  /** Tells whether any candidate for this event name has a filter, so that payload and context have to be there. */
  readsBody(name: string): boolean
  /**
   * Compiles the filters that an event of this name may meet, one for each step that is asked for, so that the caller can
   * pause in between: many large ones take long. What is not compiled then is when an event meets it. Throws at a filter
   * that was never valid.
   */
  prepare(name: string): Iterator<void>
  /**
   * `now` decides which ephemeral dispatchers have run out. Throws when a REQUEST payload can't be read, and
   * `FilterTooExpensiveError` when the filters cost too much on this event.
   */
  match(event: MatchableEvent, now: Date): MatchResult
}

interface CompiledRule {
  rule: DispatcherRule
  matchesPayload: FilterTest | undefined
  matchesContext: FilterTest | undefined
}

interface FilterTest {
  isCompiled(): boolean
  compile(): void
  holds(value: Json, budget: WorkBudget): boolean
}

/** Indexes the enabled, not manual dispatchers of one environment. A filter is compiled when an event first meets it. */
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
    prepare: (name) => compileEach(findCandidates(name)),
    match: (event, now) => matchCandidates(findCandidates(event.name), event, now),
  }
}

/**
 * Gives every condition of one dispatcher that an event does not fulfil, of each filter the first; nothing when it takes the
 * event. Looks only as far as it is asked: who wants the first alone takes the first. Throws `FilterTooExpensiveError`
 * when the filters cost too much on this event.
 */
export function* explainMatch(
  { rule, isEnabled, isManual, isEndpointDisabled = false }: ExplainableRule,
  event: MatchableEvent,
  now: Date,
): Generator<MatchFailure, void> {
  if (!rule.eventNames.some((entry) => isNameCovered(entry, event.name))) yield { condition: 'name' }
  if (!isSourceCovered(rule, event)) yield { condition: 'source' }
  if (!isAccountCovered(rule, event)) yield { condition: 'account' }
  if (!isEnabled) yield { condition: 'disabled' }
  if (isEndpointDisabled) yield { condition: 'endpoint_disabled' }
  if (isManual) yield { condition: 'manual' }
  if (rule.expiresAt !== null && rule.expiresAt <= now) yield { condition: 'expired' }
  const { budget = createWorkBudget() } = event
  if (rule.payloadFilter !== null) {
    const payload = readPayload(event)
    if ('message' in payload) yield { condition: 'payload', message: payload.message }
    else yield* explainPart('payloadFilter', explainFilter(rule.payloadFilter, payload.value, budget))
  }
  if (rule.contextFilter !== null) {
    yield* explainPart('contextFilter', explainFilter(rule.contextFilter, event.readContext(), budget))
  }
}

function readPayload({ payloadType, readPayload: read }: MatchableEvent): { value: Json } | { message: string } {
  try {
    return { value: readRequestPayload(payloadType, read()) }
  } catch (error) {
    if (error instanceof RequestPayloadError) return { message: error.message }
    throw error
  }
}

function* explainPart(
  condition: 'payloadFilter' | 'contextFilter',
  explained: FilterExplanation,
): Generator<MatchFailure, void> {
  if (!explained.matches) yield { condition, failure: explained.failure }
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
    matchesPayload: rule.payloadFilter === null ? undefined : compileLate(rule.payloadFilter),
    matchesContext: rule.contextFilter === null ? undefined : compileLate(rule.contextFilter),
  }
}

// A set changes as a whole, and an event meets few of its filters: what none meets costs nothing.
function compileLate(filter: Filter): FilterTest {
  let test: ReturnType<typeof compileFilter> | undefined
  return {
    isCompiled: () => test !== undefined,
    compile: () => {
      test ??= compileFilter(filter)
    },
    holds: (value, budget) => {
      test ??= compileFilter(filter)
      return test(value, budget)
    },
  }
}

function* compileEach(candidates: readonly CompiledRule[]): Generator<void, void> {
  for (const { matchesPayload, matchesContext } of candidates) {
    for (const test of [matchesPayload, matchesContext]) {
      if (test === undefined || test.isCompiled()) continue
      test.compile()
      yield
    }
  }
}

function matchCandidates(candidates: CompiledRule[], event: MatchableEvent, now: Date): MatchResult {
  const dispatcherIds: string[] = []
  const onceIds: string[] = []
  const { budget = createWorkBudget() } = event
  let payload: Json | undefined
  let context: Json | undefined
  for (const { rule, matchesPayload, matchesContext } of candidates) {
    if (!isSourceCovered(rule, event) || !isAccountCovered(rule, event)) continue
    if (rule.expiresAt !== null && rule.expiresAt <= now) continue
    if (matchesPayload !== undefined) {
      payload ??= readRequestPayload(event.payloadType, event.readPayload())
      if (!matchesPayload.holds(payload, budget)) continue
    }
    if (matchesContext !== undefined) {
      context ??= event.readContext()
      if (!matchesContext.holds(context, budget)) continue
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
