import { SignalboxError } from '@signalbox/domain'
import { isStorageUnavailable } from './is-storage-unavailable.js'

/** Runs a step; when Postgres is away, throws `storage_unavailable` with the cause. Other errors pass. */
export async function asStorageError<Result>(step: () => Promise<Result>): Promise<Result> {
  try {
    return await step()
  } catch (error) {
    if (!isStorageUnavailable(error)) throw error
    throw new SignalboxError('storage_unavailable', 'the database can not be reached', { cause: error })
  }
}
