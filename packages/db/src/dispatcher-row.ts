import type { FilterLanguage, JsonObject, TenantScope } from '@signalbox/domain'
import { Prisma } from './generated/client.js'

/** A dispatcher as it is stored; it never carries a secret. */
export interface StoredDispatcher {
  id: string
  eventNames: string[]
  source: string
  payloadFilter: JsonObject | null
  filterLanguage: FilterLanguage
  contextFilter: JsonObject | null
  manual: boolean
  enabled: boolean
  dispatchable: Dispatchable
  dispatchableId: string
  /** Our id of the account, as events carry it. */
  externalAccountId: string | null
  /** The tenant's identifier of the account. */
  accountId: string | null
  expiresAt: Date | null
  createdAt: Date
  updatedAt: Date
}

/** What is invoked; the rest of its fields depend on its type. */
export type Dispatchable = JsonObject & { type: string }

/** The language of a filter whose writer named none, as the column has it too. */
export const DEFAULT_FILTER_LANGUAGE: FilterLanguage = 'signalbox'

/** What is read with a dispatcher. */
export const dispatcherInclude = { externalAccount: { select: { identifier: true } } } as const

/** A row of `event_dispatchers` with its account's identifier. */
export type DispatcherRow = Prisma.EventDispatcherGetPayload<{ include: typeof dispatcherInclude }>

/** Reads a row. */
export function toStoredDispatcher(row: DispatcherRow): StoredDispatcher {
  return {
    id: row.id,
    eventNames: row.eventNames,
    source: row.source,
    payloadFilter: row.payloadFilter as JsonObject | null,
    filterLanguage: row.filterLanguage as FilterLanguage,
    contextFilter: row.contextFilter as JsonObject | null,
    manual: row.manual,
    enabled: row.enabled,
    dispatchable: row.dispatchable as Dispatchable,
    dispatchableId: row.dispatchableId,
    externalAccountId: row.externalAccountId,
    accountId: row.externalAccount?.identifier ?? null,
    expiresAt: row.expiresAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  }
}

/** Selects a dispatcher that is there: neither deleted nor run out. */
export function whereLiveDispatcher(scope: TenantScope): Prisma.EventDispatcherWhereInput {
  return {
    organizationId: scope.organizationId,
    environmentId: scope.environmentId,
    deletedAt: null,
    OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }],
  }
}

/** A filter, or its absence, as Prisma writes it. */
export function toJsonInput(value: JsonObject | null): Prisma.InputJsonObject | typeof Prisma.DbNull {
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonObject)
}
