import type { dispatcherSchema, shownDispatcherSchema } from '@signalbox/api-contract'
import type { StoredDispatcher } from '@signalbox/db'
import type { z } from 'zod'
import { showIndex } from './show-index.js'

/** A dispatcher as the API answers it. */
export function showDispatcher(dispatcher: StoredDispatcher): z.input<typeof dispatcherSchema> {
  const { expiresAt, createdAt, updatedAt } = dispatcher
  return {
    id: dispatcher.id,
    event: dispatcher.eventNames,
    source: dispatcher.source,
    payloadFilter: dispatcher.payloadFilter,
    filterLanguage: dispatcher.filterLanguage,
    contextFilter: dispatcher.contextFilter,
    manual: dispatcher.manual,
    enabled: dispatcher.enabled,
    accountId: dispatcher.accountId,
    dispatchable: dispatcher.dispatchable,
    dispatchableId: dispatcher.dispatchableId,
    expiresAt: expiresAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** A dispatcher as the API answers it by itself: with what carries its filters. */
export function showDispatcherInFull(dispatcher: StoredDispatcher): z.input<typeof shownDispatcherSchema> {
  return { ...showDispatcher(dispatcher), index: showIndex(dispatcher) }
}
