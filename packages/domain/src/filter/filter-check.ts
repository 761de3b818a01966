import { findUnstorableText, type JsonObject } from '../json.js'
import {
  FILTER_CONDITIONS_MAX,
  FILTER_DEPTH_MAX,
  FILTER_ERRORS_MAX,
  type Filter,
  type FilterError,
  type FilterErrorCode,
} from './filter.js'
import { findSizeError } from './measure-filter.js'

/** An accepted filter, or why it is refused. */
export type FilterParsing =
  | { readonly ok: true; readonly filter: Filter }
  | { readonly ok: false; readonly errors: readonly FilterError[] }

/** What a check of a filter has found so far. */
export interface FilterCheck {
  readonly errors: FilterError[]
  conditions: number
}

/** Where a check is. */
export interface FilterPlace {
  readonly pointer: string
  /** 1 for the outermost filter. */
  readonly depth: number
}

/** The check of one filter in a language, outermost or nested. */
type NodeCheck = (check: FilterCheck, filter: JsonObject, place: FilterPlace) => void

/**
 * Checks an input against the limits that filters have in every language, and its parts by a language's own check. The
 * accepted filter is the input itself, unchanged.
 */
export function checkFilter(input: unknown, checkNode: NodeCheck): FilterParsing {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refuse({ pointer: '', code: 'not_an_object', message: 'A filter is a JSON object.' })
  }
  const sizeError = findSizeError(input)
  if (sizeError !== undefined) return refuse(sizeError)
  const object = input as JsonObject
  const unstorable = findUnstorableText(object)
  if (unstorable !== undefined) {
    const message = 'Text in a filter may hold neither NUL characters nor lone surrogates.'
    return refuse({ pointer: unstorable, code: 'unstorable_text', message })
  }
  const check: FilterCheck = { errors: [], conditions: 0 }
  checkNode(check, object, { pointer: '', depth: 1 })
  if (check.conditions > FILTER_CONDITIONS_MAX) {
    const message = `A filter may have at most ${FILTER_CONDITIONS_MAX.toLocaleString('en')} conditions.`
    reportError(check, '', { code: 'too_many_conditions', message })
  }
  if (check.errors.length > 0) return { ok: false, errors: check.errors }
  return { ok: true, filter: object as Filter }
}

/** Takes an error into a check, which holds no more than are reported at once. */
export function reportError(
  check: FilterCheck,
  pointer: string,
  error: { code: FilterErrorCode; message: string },
): void {
  if (check.errors.length < FILTER_ERRORS_MAX) check.errors.push({ pointer, ...error })
}

/** Tells whether filters nest too deep at a place, and reports it. */
export function isTooDeep(check: FilterCheck, place: FilterPlace): boolean {
  if (place.depth <= FILTER_DEPTH_MAX) return false
  reportError(check, place.pointer, {
    code: 'too_deep',
    message: `Filters may nest at most ${FILTER_DEPTH_MAX} deep.`,
  })
  return true
}

/** A part of a filter as a message shows it. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function refuse(error: FilterError): FilterParsing {
  return { ok: false, errors: [error] }
}
