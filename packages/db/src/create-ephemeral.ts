import { createId, equalsJson, type FilterLanguage, type JsonObject, type TenantScope } from '@signalbox/domain'
import { addToDispatcherSet } from './add-to-dispatcher-set.js'
import {
  DEFAULT_FILTER_LANGUAGE,
  dispatcherInclude,
  type StoredDispatcher,
  toStoredDispatcher,
  whereLiveDispatcher,
} from './dispatcher-row.js'
import type { Prisma, PrismaClient } from './generated/client.js'
import { type AccountWish, resolveAccount } from './resolve-account.js'
import { runOutcome } from './run-outcome.js'
import { type SecretBox, toRowIdentity } from './secret-box.js'

/** A wish for one event, validated; the URL has passed the address guard. */
export interface NewEphemeral {
  url: string
  eventNames: string[]
  source: string
  payloadFilter: JsonObject | null
  /** Absent, it is our own. */
  filterLanguage?: FilterLanguage | undefined
  contextFilter: JsonObject | null
  account: AccountWish | null
  timeoutInSeconds: number
  /** Signs its one POST, when this call is the one that makes it. */
  secret: string
}

/** How it ended: made now, there already with the same options, or there with other ones. */
export type EphemeralOutcome =
  | { readonly ok: true; readonly id: string; readonly isNew: boolean }
  | { readonly ok: false; readonly code: 'unknown_account' | 'conflict' | 'limit_exceeded' }

/** Each round is lost only to a dispatcher that ended between two statements. */
const ROUNDS_MAX = 3

/** Makes an ephemeral dispatcher, or finds the one that has the URL and the same options. */
export async function createEphemeral(
  deps: { prisma: PrismaClient; secretBox: SecretBox },
  scope: TenantScope,
  input: NewEphemeral,
): Promise<EphemeralOutcome> {
  return await runOutcome(deps.prisma, async (tx): Promise<EphemeralOutcome> => {
    const accountId = input.account === null ? null : await resolveAccount(tx, scope, input.account)
    if (accountId === undefined) return { ok: false, code: 'unknown_account' }
    await endExpired(tx, scope, input.url)
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const id = await insertEphemeral({ tx, secretBox: deps.secretBox }, scope, { ...input, accountId })
      if (id !== undefined) {
        if (!(await addToDispatcherSet(tx, scope, id))) return { ok: false, code: 'limit_exceeded' }
        return { ok: true, id, isNew: true }
      }
      const existing = await tx.eventDispatcher.findFirst({
        where: { ...whereLiveDispatcher(scope), dispatchableId: input.url },
        include: dispatcherInclude,
      })
      if (existing === null) continue
      const isSame = hasSameOptions(toStoredDispatcher(existing), { ...input, accountId })
      return isSame ? { ok: true, id: existing.id, isNew: false } : { ok: false, code: 'conflict' }
    }
    return { ok: false, code: 'conflict' }
  })
}

type WithAccount = NewEphemeral & { accountId: string | null }

/** One that has run out may not have been swept yet, and must not stand in the way. Like the sweep, it stamps nothing. */
async function endExpired(tx: Prisma.TransactionClient, scope: TenantScope, url: string): Promise<void> {
  const { organizationId, environmentId } = scope
  // event_dispatchers_dispatchable_key
  await tx.eventDispatcher.updateMany({
    where: { organizationId, environmentId, dispatchableId: url, deletedAt: null, expiresAt: { lte: new Date() } },
    data: { deletedAt: new Date() },
  })
}

/** The id, or undefined when the URL has a dispatcher already; waits for one that is being made at this moment. */
async function insertEphemeral(
  { tx, secretBox }: { tx: Prisma.TransactionClient; secretBox: SecretBox },
  scope: TenantScope,
  input: WithAccount,
): Promise<string | undefined> {
  const id = createId()
  const { url, timeoutInSeconds } = input
  const rowIdentity = toRowIdentity({ organizationId: scope.organizationId, table: 'event_dispatchers', id })
  const expiresAt = new Date(Date.now() + timeoutInSeconds * 1_000)
  const dispatchable = JSON.stringify({ type: 'EPHEMERAL', url, timeoutInSeconds })
  const sealed = secretBox.seal(input.secret, rowIdentity)
  // event_dispatchers_dispatchable_key
  const inserted = await tx.$executeRaw`
    insert into event_dispatchers (organization_id, environment_id, id, event_names, source, payload_filter,
      filter_language, context_filter, dispatchable_type, dispatchable_id, dispatchable, secret_sealed,
      external_account_id, expires_at)
    values (${scope.organizationId}::uuid, ${scope.environmentId}::uuid, ${id}::uuid, ${input.eventNames}::text[],
      ${input.source}, ${toJsonText(input.payloadFilter)}::jsonb, ${input.filterLanguage ?? DEFAULT_FILTER_LANGUAGE},
      ${toJsonText(input.contextFilter)}::jsonb,
      'EPHEMERAL', ${url}, ${dispatchable}::jsonb, ${sealed}, ${input.accountId}::uuid, ${expiresAt})
    on conflict (organization_id, environment_id, dispatchable_id) where deleted_at is null do nothing`
  return inserted === 1 ? id : undefined
}

function toJsonText(value: JsonObject | null): string | null {
  return value === null ? null : JSON.stringify(value)
}

function hasSameOptions(stored: StoredDispatcher, input: WithAccount): boolean {
  const sameNames = equalsJson(stored.eventNames.toSorted(), input.eventNames.toSorted())
  return (
    stored.dispatchable.type === 'EPHEMERAL' &&
    stored.dispatchable['timeoutInSeconds'] === input.timeoutInSeconds &&
    sameNames &&
    stored.source === input.source &&
    stored.externalAccountId === input.accountId &&
    equalsJson(stored.payloadFilter, input.payloadFilter) &&
    stored.filterLanguage === (input.filterLanguage ?? DEFAULT_FILTER_LANGUAGE) &&
    equalsJson(stored.contextFilter, input.contextFilter)
  )
}
