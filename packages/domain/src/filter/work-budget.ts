/**
 * Steps that one event may cost, over all filters that it meets. A step is about one condition tried on one element and
 * takes some 20 to 50 ns, so that no event holds a thread that it shares with other tenants for much over 100 ms. An
 * ordinary event costs fewer than a hundred steps for each dispatcher.
 */
export const EVENT_STEPS_MAX = 2_000_000

/** Work that filters may still do, counted in steps; shared by all filters that are tried on one event. */
export interface WorkBudget {
  stepsLeft: number
}

/** The filters of an event would take more steps than one event may. Where it happens does not depend on the machine. */
export class FilterTooExpensiveError extends Error {
  override readonly name = 'FilterTooExpensiveError'

  readonly code = 'filter_too_expensive'

  constructor() {
    super('filter_too_expensive: the filters would take too many steps on an event this large')
  }
}

/** Makes a budget, by default that of one event. */
export function createWorkBudget(steps = EVENT_STEPS_MAX): WorkBudget {
  return { stepsLeft: steps }
}

/** Takes steps from a budget; throws {@link FilterTooExpensiveError} when it has too few. It stays used up. */
export function spend(budget: WorkBudget, steps: number): void {
  budget.stepsLeft -= steps
  if (budget.stepsLeft < 0) throw new FilterTooExpensiveError()
}
