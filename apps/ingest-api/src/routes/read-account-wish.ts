import type { AccountWish } from '@signalbox/db'
import type { Environment } from '@signalbox/domain'

/**
 * Reads the account that a dispatcher is to be bound to. An unknown one is made, also where events with an unknown
 * account are stored without one: a dispatcher without its account would take everybody's events.
 */
export function readAccountWish<T extends string | null | undefined>(
  environment: Pick<Environment, 'unknownAccounts'>,
  accountId: T,
): AccountWish | Exclude<T, string> {
  if (typeof accountId !== 'string') return accountId as Exclude<T, string>
  return { identifier: accountId, createIfMissing: environment.unknownAccounts !== 'reject' }
}
