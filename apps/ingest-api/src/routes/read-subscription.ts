import { findFilterErrors, type ProblemError, summarizeErrors, toPatternMissing } from '@signalbox/api-contract'
import { ANY_SOURCE, DEFAULT_EVENT_SOURCE, type FilterLanguage, type JsonObject } from '@signalbox/domain'
import { problem, type ProblemAnswer } from '../route.js'

const OWN_LANGUAGE: FilterLanguage = 'signalbox'
const ALL_NAMES = ['*']

/** A payload filter with its language. */
export interface LanguageFilter {
  filterLanguage: FilterLanguage
  payloadFilter: JsonObject | null
}

/** What a body says of the events that are wanted, its filter checked. */
interface WrittenSubscription {
  eventNames?: string[] | undefined
  source?: string | undefined
  payloadFilter?: JsonObject | null | undefined
  filterLanguage?: FilterLanguage | undefined
}

/**
 * Fills in what a new subscription leaves out. An event pattern of EventBridge says itself which names and sources it wants,
 * so that a rule can be brought along unchanged.
 */
export function fillSubscription({ eventNames, source, payloadFilter, filterLanguage }: WrittenSubscription) {
  return {
    eventNames: eventNames ?? ALL_NAMES,
    source: source ?? (filterLanguage === 'eventbridge' ? ANY_SOURCE : DEFAULT_EVENT_SOURCE),
    payloadFilter: payloadFilter ?? null,
    filterLanguage: filterLanguage ?? OWN_LANGUAGE,
  }
}

/** A change of a filter, of its language, or of both. */
interface FilterChange {
  change: { payloadFilter?: JsonObject | null | undefined; filterLanguage?: FilterLanguage | undefined }
  /** How the body calls the filter. */
  field: 'payloadFilter' | 'filter'
}

/**
 * Completes a change of a filter or its language by the stored other half, and checks that they fit. Both are written
 * then: whatever is changed at the same moment, a stored filter is valid in its language. Patterns can't be cleared alone.
 */
export async function completeFilterChange(
  { change, field }: FilterChange,
  findStored: () => Promise<LanguageFilter | null | undefined>,
): Promise<Partial<LanguageFilter> | ProblemAnswer> {
  const { payloadFilter, filterLanguage } = change
  if (payloadFilter === undefined && filterLanguage === undefined) return {}
  // The body was checked with its language.
  if (payloadFilter !== undefined && filterLanguage !== undefined) return { payloadFilter, filterLanguage }
  const stored = await findStored()
  const whole = {
    payloadFilter: payloadFilter === undefined ? (stored?.payloadFilter ?? null) : payloadFilter,
    filterLanguage: filterLanguage ?? stored?.filterLanguage ?? OWN_LANGUAGE,
  }
  if (whole.payloadFilter === null) {
    // What is not there is answered for as missing, by who would change it.
    const isMissed = whole.filterLanguage === 'eventbridge' && stored !== undefined
    return isMissed ? refuseErrors([toPatternMissing(field)]) : whole
  }
  const errors = findFilterErrors(whole.filterLanguage, whole.payloadFilter)
  if (errors.length === 0) return whole
  return filterLanguage === undefined ? refuseFilter(errors, field) : refuseLanguage(errors, { filterLanguage, field })
}

function refuseFilter(errors: readonly ProblemError[], field: string): ProblemAnswer {
  const placed = errors.map((error) => ({ ...error, pointer: `/${field}${error.pointer}` }))
  return refuseErrors(placed)
}

function refuseLanguage(
  errors: readonly ProblemError[],
  { filterLanguage, field }: { filterLanguage: FilterLanguage; field: string },
): ProblemAnswer {
  const message = `The stored ${field} is not one of the language ${filterLanguage}; give it together with the language. ${summarizeErrors(errors)}`
  const placed = [{ pointer: '/filterLanguage', code: 'stored_filter_invalid', message }]
  return refuseErrors(placed)
}

function refuseErrors(errors: readonly ProblemError[]): ProblemAnswer {
  return problem('invalid', summarizeErrors(errors), { errors })
}
