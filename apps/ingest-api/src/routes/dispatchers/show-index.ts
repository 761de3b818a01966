import type { dispatcherIndexSchema } from '@signalbox/api-contract'
import { ANY_SOURCE, describeIndexing, findStrangeFields } from '@signalbox/domain'
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
    warning: joinWarnings(warnOfStrangeFields(bound), warning),
  }
}

/** Strange fields that a warning names. */
const STRANGE_FIELDS_MAX = 5

/** Characters of a field that a warning repeats: keys may be long. */
const FIELD_CHARACTERS_MAX = 100

/** EventBridge takes a pattern with fields that no event has, so it is taken, and told. */
function warnOfStrangeFields({ filterLanguage, payloadFilter }: TriedFilters): string | null {
  if (filterLanguage !== 'eventbridge' || payloadFilter === null) return null
  const strange = findStrangeFields(payloadFilter)
  if (strange.length === 0) return null
  const named = strange.slice(0, STRANGE_FIELDS_MAX).map(({ field, meant }) => {
    return `\`${cut(field)}\` is no field of an event; did you mean \`${cut(meant)}\`?`
  })
  const rest = strange.length - named.length
  return rest === 0 ? named.join(' ') : `${named.join(' ')} There are ${rest} more such fields.`
}

function cut(field: string): string {
  return field.length <= FIELD_CHARACTERS_MAX ? field : `${field.slice(0, FIELD_CHARACTERS_MAX)}…`
}

function joinWarnings(...warnings: (string | null)[]): string | null {
  return warnings.filter((warning) => warning !== null).join(' ') || null
}

/** Where rules have what the API calls `accountId`. */
const ACCOUNT_POINTER = '/externalAccountId'
