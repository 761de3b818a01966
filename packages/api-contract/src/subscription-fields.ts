import { ANY_SOURCE, DEFAULT_EVENT_SOURCE, parseFilter } from '@signalbox/domain'
import { z } from 'zod'
import { holdsKey, refuseProtoKey } from './refuse-proto-key.js'
import { textSchema } from './fields.js'

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
  `the source of the events; \`${ANY_SOURCE}\` is any; absent: \`${DEFAULT_EVENT_SOURCE}\``,
)

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
  .describe('an event filter: see the documentation of filters')

// RFC 6901, section 4.
function toPath(pointer: string): string[] {
  const tokens = pointer.split('/').slice(1)
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}
