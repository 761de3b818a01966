import { SignalboxError } from '@signalbox/domain'
import { isStorageUnavailable } from './is-storage-unavailable.js'
import { retryConflict } from './retry-conflict.js'

/**
 * Runs a step that may be run twice, as it is when a deadlock took it back. When Postgres is away, throws
 * `storage_unavailable` with the cause, and `account_gone` when an event's account was deleted meanwhile. Other errors pass.
 */
export async function asStorageError<Result>(step: () => Promise<Result>): Promise<Result> {
  try {
    return await retryConflict(step)
  } catch (error) {
    if (isAccountGone(error)) {
      throw new SignalboxError('account_gone', 'an account was deleted in this moment', { cause: error })
    }
    if (!isStorageUnavailable(error)) throw error
    throw new SignalboxError('storage_unavailable', 'the database can not be reached', { cause: error })
  }
}

function isAccountGone(error: unknown): boolean {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown }
  return code === '23503' && constraint === 'event_records_external_account_fkey'
}
