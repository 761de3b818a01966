import { isTransactionConflict } from './is-storage-unavailable.js'

/**
 * Runs a step that is one transaction; once more when Postgres took it back because of another one (a deadlock). Nothing
 * of it was stored then, and the other one has what it waited for. Everyone takes locks in one order, so this is for what
 * no order covers, such as rows that a foreign key locks. What happens twice is for the caller, as `storage_unavailable`.
 */
export async function retryConflict<Result>(step: () => Promise<Result>): Promise<Result> {
  try {
    return await step()
  } catch (error) {
    if (!isTransactionConflict(error)) throw error
    return step()
  }
}
