import type { dispatcherIndexSchema } from '@signalbox/api-contract'
import { ANY_SOURCE, describeIndexing } from '@signalbox/domain'
import type { z } from 'zod'
import { toFilters, type TriedFilters } from './explain-event.js'

/** Filters, and to whose events they are bound; absent: to nobody's. */
export interface BoundFilters extends TriedFilters {
  source?: string
  accountId?: string | null
}

/** Tells what carries filters among very many, as the API answers it. */
export function showIndex(bound: BoundFilters): z.input<typeof dispatcherIndexSchema> {
  const { source = ANY_SOURCE, accountId = null } = bound
  const { isIndexed, conditions, warning } = describeIndexing({
    ...toFilters(bound),
    source,
    externalAccountId: accountId,
  })
  return {
    indexed: isIndexed,
    conditions: conditions.map(({ filter, pointer, operator }) => ({
      filter,
      pointer: filter === null && pointer === ACCOUNT_POINTER ? '/accountId' : pointer,
      operator,
    })),
    warning,
  }
}

/** Where rules have what the API calls `accountId`. */
const ACCOUNT_POINTER = '/externalAccountId'
