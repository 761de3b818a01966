import {
  compileFilter,
  createWorkBudget,
  holdsTree,
  isNameCovered,
  readFilterTree,
  type DispatcherRule,
  type Filter,
  type Json,
  type MatchableEvent,
  type WorkBudget,
} from '@signalbox/domain'

/** What the index is measured against: all filters for an event's name and source, one after another. */
export interface MatchLoop {
  add(rule: DispatcherRule): void
  /** Looks up the rules for a name and source, so that no event has to wait for it. */
  prepare(event: Pick<MatchableEvent, 'name' | 'source'>): void
  match(event: MatchableEvent, now: Date): string[]
}

/** The loop with the evaluator that is the reference; the trees of the filters were read before. */
export function createReferenceLoop(): MatchLoop {
  return createLoop({ read: readFilterTree, holds: holdsTree })
}

/** The loop with filters that were compiled before. */
export function createCompiledLoop(): MatchLoop {
  return createLoop({ read: compileFilter, holds: (compiled, value, budget) => compiled(value, budget) })
}

/**
 * A million filters take more steps than one event may: the loop is not to end there. It is the largest of V8's small integers
 * where they have 31 bits; budgets in production are such too. With any larger number V8 keeps the steps of all budgets in a
 * slower form, for the index as for the loop.
 */
const LOOP_STEPS = 2 ** 30 - 1

interface FilterKind<Prepared> {
  read(filter: Filter): Prepared
  holds(prepared: Prepared, value: Json, budget: WorkBudget): boolean
}

interface LoopRule<Prepared> {
  readonly id: string
  readonly source: string
  readonly eventNames: readonly string[]
  readonly externalAccountId: string | null
  readonly expiresAtMs: number
  readonly payload: Prepared | null
  readonly context: Prepared | null
}

function createLoop<Prepared>({ read, holds }: FilterKind<Prepared>): MatchLoop {
  const rules: LoopRule<Prepared>[] = []
  const lists = new Map<string, LoopRule<Prepared>[]>()
  const find = ({ name, source }: Pick<MatchableEvent, 'name' | 'source'>): LoopRule<Prepared>[] => {
    const key = `${source} ${name}`
    const known = lists.get(key)
    if (known !== undefined) return known
    const found = rules.filter(
      (rule) =>
        (rule.source === '*' || rule.source === source) && rule.eventNames.some((entry) => isNameCovered(entry, name)),
    )
    lists.set(key, found)
    return found
  }
  return {
    add: (rule) =>
      void rules.push({
        id: rule.id,
        source: rule.source,
        eventNames: rule.eventNames,
        externalAccountId: rule.externalAccountId,
        expiresAtMs: rule.expiresAt?.getTime() ?? Infinity,
        payload: rule.payloadFilter && read(rule.payloadFilter),
        context: rule.contextFilter && read(rule.contextFilter),
      }),
    prepare: (event) => void find(event),
    match: (event, now) => {
      const ids: string[] = []
      const nowMs = now.getTime()
      const budget = createWorkBudget(LOOP_STEPS)
      const payload = event.readPayload()
      const context = event.readContext()
      for (const rule of find(event)) {
        if (rule.externalAccountId !== null && rule.externalAccountId !== event.externalAccountId) continue
        if (rule.expiresAtMs <= nowMs) continue
        if (rule.payload !== null && !holds(rule.payload, payload, budget)) continue
        if (rule.context !== null && !holds(rule.context, context, budget)) continue
        ids.push(rule.id)
      }
      return ids.toSorted()
    },
  }
}
