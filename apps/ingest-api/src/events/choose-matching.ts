import type { EventStore, StoredEventRecord } from '@signalbox/db'
import {
  createWorkBudget,
  type Environment,
  EVENT_STEPS_MAX,
  explainMatch,
  FilterTooExpensiveError,
} from '@signalbox/domain'
import { problem, type ProblemAnswer } from '../route.js'
import { describeTooExpensive, toMatchable } from './explain-rule.js'

/** Who gets an event, and how many more would. */
export interface Chosen {
  dispatcherIds: string[]
  fanoutLimited: number
}

/**
 * Steps of all filters of one replay, about a second of computing: there is no index here, every candidate is asked. Those
 * that one query gives have together what an event may cost, so that the thread is given to others after each query.
 */
const REPLAY_STEPS_MAX = 10 * EVENT_STEPS_MAX

/**
 * Queries of one replay, a few seconds: enough for some hundred thousand candidates, or for four million dispatchers that
 * are none.
 */
const REPLAY_QUERIES_MAX = 200

/** Asks the filters of all candidates, which dispatchers of the environment take an event now: the first by their ids. */
export async function chooseMatching(
  events: Pick<EventStore, 'findCandidates'>,
  scope: Environment,
  event: StoredEventRecord,
): Promise<Chosen | ProblemAnswer> {
  const matchable = toMatchable(event)
  const now = new Date()
  const chosen: Chosen = { dispatcherIds: [], fanoutLimited: 0 }
  let stepsLeft = REPLAY_STEPS_MAX
  let afterId: string | undefined
  try {
    for (let queries = 0; queries < REPLAY_QUERIES_MAX; queries += 1) {
      const { rules, nextAfterId } = await events.findCandidates(scope, event, afterId)
      const budget = createWorkBudget(Math.min(stepsLeft, EVENT_STEPS_MAX))
      const bounded = { ...matchable, budget }
      stepsLeft -= budget.stepsLeft
      for (const rule of rules) {
        const [failure] = explainMatch({ rule, isEnabled: true, isManual: false }, bounded, now)
        if (failure?.condition === 'payload') {
          return problem('conflict', `The event can not be evaluated: ${failure.message}`)
        }
        if (failure !== undefined) continue
        if (chosen.dispatcherIds.length < scope.limits.fanoutMax) chosen.dispatcherIds.push(rule.id)
        else chosen.fanoutLimited += 1
      }
      stepsLeft += budget.stepsLeft
      afterId = nextAfterId
      if (afterId === undefined) return chosen
    }
  } catch (error) {
    if (error instanceof FilterTooExpensiveError) return problem('filter_too_expensive', describeTooExpensive())
    throw error
  }
  // Who gets it is known when no more may; only how many are left out is then not counted to the end.
  if (chosen.dispatcherIds.length >= scope.limits.fanoutMax) return chosen
  return problem('filter_too_expensive', 'Too many dispatchers take events of this name: replay it to one by its id')
}
