import {
  ANY_SOURCE,
  DEFAULT_EVENT_SOURCE,
  type FilterLanguage,
  isJsonObject,
  type JsonObject,
  parseFilter,
  parseFilterOf,
} from '@signalbox/domain'
import { z } from 'zod'
import { holdsKey, PROTO_KEY_MESSAGE, refuseProtoKey } from './refuse-proto-key.js'
import { textSchema } from './fields.js'
import type { ProblemError } from './problem.js'

/** Event names of one dispatcher: each is held in memory by every worker that matches. */
export const EVENT_NAMES_MAX = 100

/** Characters of an event's name, and of its source. */
const NAME_CHARACTERS_MAX = 255

const eventNameSchema = z
  .string()
  .max(NAME_CHARACTERS_MAX)
  .refine((name) => name.trim() !== '', { error: 'Expected 1 to 255 characters that are not all spaces' })
  .refine((name) => !name.slice(0, -1).includes('*'), {
    error: 'A * stands only at the end, for all names that begin so, or alone, for all names',
    params: { code: 'misplaced_wildcard' },
  })

/** Names of the events that are wanted: exact, ending in `*`, or `*`. Twice is once. */
export const eventNamesSchema = z
  .array(eventNameSchema)
  .min(1)
  .max(EVENT_NAMES_MAX)
  .transform((names) => [...new Set(names)])
  .describe(`names of events: exact, a prefix that ends in \`*\`, or \`*\` for all; up to ${EVENT_NAMES_MAX}`)

/** The same, where one name may stand alone. */
export const eventNameOrNamesSchema = z
  .union([z.string().transform((name) => [name]), z.array(z.unknown())], {
    error: 'Expected a name, or an array of names',
  })
  .pipe(eventNamesSchema)
  .describe(`a name or names of events: exact, a prefix that ends in \`*\`, or \`*\` for all; up to ${EVENT_NAMES_MAX}`)

/** Where the wanted events come from. */
export const wantedSourceSchema = textSchema(NAME_CHARACTERS_MAX).describe(
  `the source of the events; \`${ANY_SOURCE}\` is any; absent: \`${DEFAULT_EVENT_SOURCE}\`, with event patterns any`,
)

/** Where the document of the API sends its readers. */
const FILTER_DOCS = {
  description: 'the language of filters (docs/filters.md), and event patterns (docs/eventbridge.md)',
  url: '/docs/filters.md',
}

/** An event filter, kept as it was written; every fault of it is reported with its pointer. */
export const filterSchema = z
  .unknown()
  .transform((input, context) => {
    const parsed = parseFilter(input)
    if (parsed.ok) return holdsKey(parsed.filter, '__proto__') ? refuseProtoKey(input, context) : parsed.filter
    for (const { pointer, code, message } of parsed.errors) {
      context.issues.push({ code: 'custom', input, message, path: toPath(pointer), params: { code } })
    }
    return z.NEVER
  })
  .meta({ type: 'object', externalDocs: FILTER_DOCS, description: 'an event filter' })

/** The language of a payload filter. */
export const filterLanguageSchema = z
  .enum(['signalbox', 'eventbridge'])
  .describe(
    'the language of the payload filter; eventbridge: an event pattern of Amazon EventBridge, which sees the whole ' +
      'envelope of the event; absent: signalbox',
  )

/** A payload filter of either language; {@link checkSubscription} checks it together with the language beside it. */
export const writtenFilterSchema = z
  .unknown()
  .transform((input) => input as JsonObject)
  .meta({ type: 'object', externalDocs: FILTER_DOCS, description: 'an event filter, or an event pattern' })

/** What is wrong with a filter of a language; pointers into the filter. */
export function findFilterErrors(language: FilterLanguage, input: unknown): ProblemError[] {
  const parsed = parseFilterOf(language, input)
  if (!parsed.ok) return [...parsed.errors]
  return holdsKey(parsed.filter, '__proto__') ? [{ pointer: '', code: 'key_refused', message: PROTO_KEY_MESSAGE }] : []
}

/** How a body names the fields of its subscription. */
interface SubscriptionFields {
  readonly filter: 'payloadFilter' | 'filter'
  /** Names of events; only event patterns go without. Absent where they may be left out anyway. */
  readonly events?: 'event' | 'events' | 'name'
  /** Whether a language that is absent may be another than our own: then the filter is checked elsewhere. */
  readonly isLanguageKept?: boolean
  /** Fields that name a stored filter: beside one of them none is missed. */
  readonly instead?: readonly string[]
}

/** What is wrong with the language of event patterns where there is no pattern: it would take every event. */
export function toPatternMissing(filter: SubscriptionFields['filter']): ProblemError {
  const message = `A pattern is missing: give the pattern as \`${filter}\``
  return { pointer: `/${filter}`, code: 'pattern_missing', message }
}

/** Makes the check of a payload filter in its language; it runs whatever else is wrong with the body. */
export function checkSubscription({ filter, events, isLanguageKept = false, instead = [] }: SubscriptionFields) {
  return z.superRefine<object>(
    (value, context) => {
      const body = value as Record<string, unknown>
      const language = filterLanguageSchema.optional().safeParse(body['filterLanguage'])
      if (!language.success) return
      if (events !== undefined && body[events] === undefined && language.data !== 'eventbridge') {
        const message = 'Expected names of events; only event patterns of EventBridge go without'
        context.addIssue({ code: 'custom', path: [events], message, params: { code: 'invalid_type' } })
      }
      const written = body[filter]
      const isMissed = written === null || (written === undefined && !isLanguageKept)
      if (isMissed && language.data === 'eventbridge' && instead.every((name) => body[name] === undefined)) {
        const { code, message } = toPatternMissing(filter)
        context.addIssue({ code: 'custom', path: [filter], message, params: { code } })
      }
      if (written === undefined || written === null || (language.data === undefined && isLanguageKept)) return
      for (const { pointer, code, message } of findFilterErrors(language.data ?? 'signalbox', written)) {
        context.addIssue({ code: 'custom', path: [filter, ...toPath(pointer)], message, params: { code } })
      }
    },
    { when: ({ value }) => isJsonObject(value as JsonObject) },
  )
}

// RFC 6901, section 4.
function toPath(pointer: string): string[] {
  const tokens = pointer.split('/').slice(1)
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}
