/** How a step inserts: as if all rows were new, which is quicker, or leaving alone what is there already. */
export type InsertMode = 'new' | 'maybe_known'

/** Takes rows for new until one is not. */
export interface OptimisticInsert {
  /**
   * Runs a step that fails whole when it takes a row for new that is there already; then once more, for rows that may be known, and
   * the steps that follow in that mode at once.
   */
  run<Result>(step: (mode: InsertMode) => Promise<Result>): Promise<Result>
}

/** Where one row was known, others come soon: senders that repeat themselves must not have every group written twice. */
const CAREFUL_STEPS = 100

const UNIQUE_VIOLATION = '23505'

/** Creates what decides, for the steps of one statement. */
export function createOptimisticInsert(): OptimisticInsert {
  let carefulLeft = 0
  return {
    async run(step) {
      if (carefulLeft > 0) {
        carefulLeft -= 1
        return step('maybe_known')
      }
      try {
        return await step('new')
      } catch (error) {
        // Of whatever constraint: another one is violated again, and then says so.
        if ((error as { code?: unknown } | undefined)?.code !== UNIQUE_VIOLATION) throw error
        carefulLeft = CAREFUL_STEPS
        return step('maybe_known')
      }
    },
  }
}
