import type { DispatcherRule } from '../../src/dispatcher.js'
import { createWorkBudget, matchesTree, readTreeOf, type WorkBudget } from '../../src/filter/index.js'
import type { Json } from '../../src/json.js'
import type { MatchResult } from '../../src/matcher/index.js'
import { readRequestPayload, RequestPayloadError } from '../../src/request-payload.js'
import type { EventCase } from './draw-rules.js'

/** Far above what any case of a proof takes: budgets have tests of their own. */
const STEPS_ENDLESS = 2 ** 50

/** What a matcher has to say, or the name of the error that it has to throw. */
export type Outcome = MatchResult | { readonly error: string }

/** The answer by definition: every rule by itself, with the evaluator. Remembers what filters said about an event. */
export interface Oracle {
  match(rules: Iterable<DispatcherRule>, event: EventCase, fanoutMax?: number): Outcome
  /** Whether one rule takes an event; counts no other rule. */
  takes(rule: DispatcherRule, event: EventCase): boolean
  /** Pairs of a rule and an event whose filters were evaluated. */
  readonly evaluatedPairs: number
}

/** Makes an oracle; `observe` hears of every pair that it evaluates, and `budget` pays for it. */
export function createOracle(
  observe: (rule: DispatcherRule, event: EventCase, isTaken: boolean) => void = () => undefined,
  budget: WorkBudget = createWorkBudget(STEPS_ENDLESS),
): Oracle {
  const known = new WeakMap<EventCase, WeakMap<DispatcherRule, boolean>>()
  const oracle = {
    evaluatedPairs: 0,
    takes: (rule: DispatcherRule, event: EventCase): boolean => {
      if (!covers(rule, event)) return false
      const answers = known.get(event) ?? new WeakMap<DispatcherRule, boolean>()
      known.set(event, answers)
      const answer = answers.get(rule)
      if (answer !== undefined) return answer
      const isTaken = holdsFilters(rule, event, budget)
      answers.set(rule, isTaken)
      oracle.evaluatedPairs += 1
      observe(rule, event, isTaken)
      return isTaken
    },
    match: (rules: Iterable<DispatcherRule>, event: EventCase, fanoutMax = Infinity): Outcome => {
      try {
        const taking = [...rules].filter((rule) => oracle.takes(rule, event)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
        const first = taking.slice(0, fanoutMax)
        return {
          dispatcherIds: first.map((rule) => rule.id),
          onceIds: first.filter((rule) => rule.once).map((rule) => rule.id),
          limitedCount: taking.length - first.length,
        }
      } catch (error) {
        if (error instanceof RequestPayloadError) return { error: error.name }
        throw error
      }
    },
  }
  return oracle
}

/** Everything but the filters. Written anew, so that the matcher's own way is tested too. */
function covers(rule: DispatcherRule, event: EventCase): boolean {
  return (
    rule.eventNames.some((entry) => coversName(entry, event.name)) &&
    (rule.source === '*' || rule.source === event.source) &&
    (rule.externalAccountId === null || rule.externalAccountId === event.externalAccountId) &&
    (rule.expiresAt === null || rule.expiresAt.getTime() > event.nowMs)
  )
}

/** Whether an entry of the list of names is a name's, or ends in a star and its head is the name's. */
export function coversName(entry: string, name: string): boolean {
  return entry === name || (entry.endsWith('*') && name.slice(0, entry.length - 1) === entry.slice(0, -1))
}

function holdsFilters(rule: DispatcherRule, event: EventCase, budget: WorkBudget): boolean {
  const { payloadFilter, contextFilter, filterLanguage } = rule
  if (payloadFilter !== null) {
    const payload = readRequestPayload(event.payloadType, event.payload)
    const value = filterLanguage === 'eventbridge' ? toEnvelope(event, payload) : payload
    if (!matchesTree(readTreeOf(filterLanguage, payloadFilter), value, budget)) return false
  }
  return contextFilter === null || matchesTree(readTreeOf('signalbox', contextFilter), event.context, budget)
}

/** What EventBridge patterns see. Written anew, too. */
export function toEnvelope(event: EventCase, payload: Json): Json {
  return {
    version: '0',
    id: event.eventId,
    'detail-type': event.name,
    source: event.source,
    account: event.accountIdentifier ?? '',
    time: new Date(event.timestampMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    region: '',
    resources: [],
    detail: payload,
  }
}
