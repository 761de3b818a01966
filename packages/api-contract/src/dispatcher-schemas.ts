import { ACCOUNT_IDENTIFIER_LENGTH_MAX, isJsonObject, type Json, type JsonObject } from '@signalbox/domain'
import { z } from 'zod'
import { dateInputSchema, dateOutputSchema, textSchema } from './fields.js'
import { pageQueryShape, pageSchema } from './page.js'
import {
  checkSubscription,
  eventNameOrNamesSchema,
  filterLanguageSchema,
  filterSchema,
  wantedSourceSchema,
  writtenFilterSchema,
} from './subscription-fields.js'

/** Bounds of an ephemeral dispatcher's life, in seconds: a year at most. */
export const EPHEMERAL_TIMEOUT_SECONDS = { min: 10, max: 31_536_000, default: 3_600 } as const

/** Bytes of a dispatchable's id; a URL is one for ephemeral dispatchers. An entry of its index holds no more than 2,700. */
const DISPATCHABLE_ID_BYTES_MAX = 2_048

/** Characters of an event's id. */
const EVENT_ID_LENGTH_MAX = 255

const TOO_LONG = `longer than ${DISPATCHABLE_ID_BYTES_MAX} bytes`

function fitsIndex(text: string): boolean {
  return Buffer.byteLength(text) <= DISPATCHABLE_ID_BYTES_MAX
}

const accountIdSchema = textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).describe(
  'only events of this external account; one that is unknown is made, unless the environment refuses unknown accounts',
)

/** What is invoked; each type has its own further fields, which are checked by the type. */
export const dispatchableInputSchema = z
  .unknown()
  .transform((input, context): JsonObject & { type: string } => {
    const value = input as Json
    if (isJsonObject(value) && typeof value['type'] === 'string') return value as JsonObject & { type: string }
    const message = 'Expected an object with a type: { "type": "WEBHOOK", "id": … }'
    context.issues.push({ code: 'custom', input, message, params: { code: 'invalid_type' } })
    return z.NEVER
  })
  .describe('what is invoked: `{ "type": "WEBHOOK", "id": "<webhook endpoint>" }`')

const wantedEventSchema = eventNameOrNamesSchema
  .optional()
  .describe('a name or names of events, as elsewhere; only with event patterns of EventBridge absent, which is `*`')

const dispatcherShape = {
  event: eventNameOrNamesSchema.optional(),
  source: wantedSourceSchema.optional(),
  payloadFilter: writtenFilterSchema
    .nullable()
    .optional()
    .describe('conditions on the payload, or an event pattern of EventBridge (see `filterLanguage`); null: none'),
  filterLanguage: filterLanguageSchema.optional(),
  contextFilter: filterSchema.nullable().optional().describe('conditions on the context; null: none'),
  manual: z.boolean().optional().describe('true: takes no event by itself, only a replay that names it'),
  enabled: z.boolean().optional(),
  accountId: accountIdSchema.nullable().optional(),
  dispatchable: dispatchableInputSchema,
  dispatchableId: textSchema(DISPATCHABLE_ID_BYTES_MAX)
    .refine(fitsIndex, TOO_LONG)
    .optional()
    .describe("unique in the environment; absent: the dispatchable's own id"),
}

/** Body of `POST /api/v1/event-dispatchers`. */
export const createDispatcherBodySchema = z
  .object({ ...dispatcherShape, event: wantedEventSchema })
  .check(checkSubscription({ filter: 'payloadFilter', events: 'event' }))
  .meta({ id: 'NewEventDispatcher' })

/** Body of `PATCH /api/v1/event-dispatchers/:id`: what is absent stays, null clears. */
export const changeDispatcherBodySchema = z
  .object({
    ...dispatcherShape,
    dispatchable: dispatcherShape.dispatchable.optional(),
  })
  .check(checkSubscription({ filter: 'payloadFilter', isLanguageKept: true }))
  .meta({ id: 'EventDispatcherChange' })

/** A dispatcher as it is answered; secrets are never part of it. */
export const dispatcherSchema = z
  .object({
    id: z.string(),
    event: z.array(z.string()),
    source: z.string(),
    payloadFilter: z.record(z.string(), z.unknown()).nullable(),
    filterLanguage: filterLanguageSchema,
    contextFilter: z.record(z.string(), z.unknown()).nullable(),
    manual: z.boolean(),
    enabled: z.boolean(),
    accountId: z.string().nullable(),
    dispatchable: z.looseObject({ type: z.string() }),
    dispatchableId: z.string(),
    expiresAt: dateOutputSchema.nullable().describe('for an ephemeral dispatcher'),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
  })
  .meta({ id: 'EventDispatcher' })

const indexedConditionSchema = z
  .object({
    filter: z
      .enum(['payloadFilter', 'contextFilter'])
      .nullable()
      .describe("null: the dispatcher's own source or account; named only when no condition of the filters is"),
    pointer: z
      .string()
      .describe('JSON pointer into the filter; `/source` and `/accountId` are fields of the dispatcher'),
    operator: z.string().describe('as it is written in the filter; `literals` for values'),
  })
  .meta({ id: 'IndexedCondition' })

/** How the filters of a dispatcher are found among very many. */
export const dispatcherIndexSchema = z
  .object({
    indexed: z
      .boolean()
      .describe(
        'false: nothing in the filters can be looked up, so they are tried on every event of the names, source and ' +
          'account; true also without filters, as there is nothing to try then',
      ),
    conditions: z
      .array(indexedConditionSchema)
      .describe(
        'what an event is looked up by, by the looks of the filters: with very many of them another condition may ' +
          'turn out to be better. Of alternatives one each; 20 at most',
      ),
    warning: z
      .string()
      .nullable()
      .describe(
        'why the filters are looked up badly or not at all, or which fields of an event pattern no event has, and what helps',
      ),
  })
  .meta({ id: 'EventDispatcherIndex' })

/** One dispatcher as it is answered by itself. */
export const shownDispatcherSchema = dispatcherSchema
  .extend({ index: dispatcherIndexSchema.describe('what carries its filters; see the page on the matcher') })
  .meta({ id: 'ShownEventDispatcher' })

/** The answer of `GET /api/v1/event-dispatchers`. */
export const dispatcherListSchema = pageSchema(dispatcherSchema)

/** Query of `GET /api/v1/event-dispatchers`. */
export const dispatcherListQuerySchema = z.strictObject(pageQueryShape)

/** Body of `POST /api/v1/event-dispatchers/ephemeral`. */
export const createEphemeralBodySchema = z
  .object({
    url: z
      .string()
      .min(1)
      .max(DISPATCHABLE_ID_BYTES_MAX)
      .refine(fitsIndex, TOO_LONG)
      .describe('gets one POST with the first event that matches'),
    name: wantedEventSchema,
    timeoutInSeconds: z
      .int()
      .min(EPHEMERAL_TIMEOUT_SECONDS.min)
      .max(EPHEMERAL_TIMEOUT_SECONDS.max)
      .default(EPHEMERAL_TIMEOUT_SECONDS.default)
      .describe('without an event in this time the dispatcher is gone'),
    source: wantedSourceSchema.optional(),
    filter: writtenFilterSchema.nullable().optional().describe('conditions on the payload, or an event pattern'),
    filterLanguage: filterLanguageSchema.optional(),
    contextFilter: filterSchema.nullable().optional().describe('conditions on the context'),
    accountId: accountIdSchema.nullable().optional(),
  })
  .check(checkSubscription({ filter: 'filter', events: 'name' }))
  .meta({ id: 'NewEphemeralEventDispatcher' })

/** The answer of `POST /api/v1/event-dispatchers/ephemeral`. */
export const ephemeralSchema = z
  .object({
    id: z.string(),
    secret: z
      .string()
      .optional()
      .describe('signs the POST (Standard Webhooks); in the answer that made the dispatcher, and never again'),
  })
  .meta({ id: 'EphemeralEventDispatcher' })

const testedEventSchema = z.object({
  name: z.string().max(255).optional().describe('needed together with `dispatcherId` and `endpointId`'),
  payload: z.unknown().optional(),
  context: z.unknown().optional(),
  source: textSchema(255).optional(),
  payloadType: z.enum(['JSON', 'REQUEST']).optional(),
  accountId: textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).optional().describe('the account that the event would name'),
  id: textSchema(EVENT_ID_LENGTH_MAX).optional().describe('for event patterns, which see it; absent: an empty text'),
  timestamp: dateInputSchema.optional().describe('for event patterns; absent: now'),
})

/** Body of `POST /api/v1/event-dispatchers/test`. */
export const testDispatcherBodySchema = z
  .object({
    event: testedEventSchema,
    dispatcherId: z.string().optional().describe('try the event on this dispatcher'),
    endpointId: z.string().optional().describe('or on the dispatcher of this webhook endpoint'),
    filter: writtenFilterSchema.nullable().optional().describe('or on this payload filter'),
    filterLanguage: filterLanguageSchema.optional().describe('the language of `filter`; absent: signalbox'),
    contextFilter: filterSchema.nullable().optional().describe('and this context filter'),
  })
  .check(checkSubscription({ filter: 'filter', instead: ['dispatcherId', 'endpointId'] }))
  .superRefine(({ dispatcherId, endpointId, filter, contextFilter, filterLanguage, event }, context) => {
    if (dispatcherId === undefined && endpointId === undefined) return
    const isBoth = dispatcherId !== undefined && endpointId !== undefined
    if (isBoth || [filter, contextFilter, filterLanguage].some((each) => each !== undefined)) {
      const message = 'Give a dispatcherId, an endpointId or filters: one of them'
      const path = [dispatcherId === undefined ? 'endpointId' : 'dispatcherId']
      context.addIssue({ code: 'custom', path, message, params: { code: 'ambiguous' } })
    }
    if (event.name === undefined) {
      context.addIssue({ code: 'custom', path: ['event', 'name'], message: 'Expected the name of the event' })
    }
  })
  .meta({ id: 'EventDispatcherTest' })

/** A condition that an event does not fulfil. */
export const failedConditionSchema = z
  .object({
    condition: z
      .enum([
        'name',
        'source',
        'account',
        'disabled',
        'endpoint_disabled',
        'manual',
        'expired',
        'payload',
        'payloadFilter',
        'contextFilter',
        'too_expensive',
      ])
      .describe(
        '`payload`: a REQUEST payload that can not be read; `too_expensive`: not told, all filters together would take ' +
          'too many steps',
      ),
    message: z.string(),
    pointer: z.string().optional().describe('of a filter: JSON pointer to the first condition that fails'),
    path: z.string().optional().describe('of a filter: JSON pointer to the value that was looked at'),
    expected: z.string().optional().describe('of a name, a source and a filter'),
    actual: z.unknown().optional().describe('what was there, shortened; absent when nothing was'),
  })
  .meta({ id: 'FailedCondition' })

/** A condition that an event does not fulfil. */
export type FailedCondition = z.infer<typeof failedConditionSchema>

/** The answer of `POST /api/v1/event-dispatchers/test`. */
export const dispatcherTestSchema = z
  .object({
    matches: z.boolean(),
    explanation: z.array(failedConditionSchema).describe('empty when it matches'),
    index: dispatcherIndexSchema.describe('what carries the filters that were tried, or those of the dispatcher'),
  })
  .meta({ id: 'EventDispatcherTestResult' })
