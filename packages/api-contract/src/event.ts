import { ACCOUNT_IDENTIFIER_LENGTH_MAX, DEFAULT_EVENT_SOURCE, isJsonObject, type Json } from '@signalbox/domain'
import { z } from 'zod'
import { describeIssue } from './describe-issue.js'
import { failedConditionSchema } from './dispatcher-schemas.js'
import { eventDeliverySchema } from './event-delivery.js'
import { booleanQuerySchema, dateInputSchema, dateOutputSchema, jsonOutputSchema, textSchema } from './fields.js'
import { CURSOR_CHARACTERS_MAX, PAGE_LIMIT_MAX, pageQueryShape, pageSchema } from './page.js'

/** Characters of an event's name, id, source and ordering key. */
export const EVENT_TEXT_LENGTH_MAX = 255

const nameSchema = z
  .string()
  .max(EVENT_TEXT_LENGTH_MAX)
  .refine((name) => name.trim() !== '', { error: 'Expected 1 to 255 characters that are not all spaces' })

/** The event itself as the body is the mistake that is made most. */
const ENVELOPE_MISSING = '`event` is missing: {"event": {"name": …}}'

/** So are an array in the place of a body, and the body of one event in the place of an event of many. */
const BULK_FORM = '{"events": [{"name": …}]}'
const EVENTS_MISSING = `\`events\` is missing: ${BULK_FORM}`
const BARE_EVENTS = `the array must stand under \`events\`: ${BULK_FORM}`
const WRAPPED_EVENT = `must be the event itself, without \`event\` around it: ${BULK_FORM}`
const SEVERAL_EVENTS = `must be an object with one event; several go to /api/v1/events/bulk as ${BULK_FORM}`

/** An event as callers send it. Unknown keys are ignored. */
export const eventInputSchema = z
  .object(
    {
      name: nameSchema.describe('what happened: `invoice.paid`'),
      payload: z.unknown().optional().describe('any JSON value; absent or null is `{}`'),
      context: z.unknown().optional().describe('any JSON value; absent or null is `{}`'),
      id: textSchema(EVENT_TEXT_LENGTH_MAX)
        .optional()
        .describe('unique in the environment: sending it again is the same event; absent: a UUID is made'),
      timestamp: dateInputSchema.optional().describe('when it happened; absent: now'),
      source: textSchema(EVENT_TEXT_LENGTH_MAX)
        .optional()
        .describe(`where it comes from; absent: \`${DEFAULT_EVENT_SOURCE}\``),
      payloadType: z
        .enum(['JSON', 'REQUEST'])
        .optional()
        .describe('how filters see the payload; REQUEST: as `{ url, method, headers, body }`; absent: JSON'),
    },
    { error: ({ input }) => (input === undefined ? ENVELOPE_MISSING : undefined) },
  )
  .meta({ id: 'EventInput' })

/** An event as callers send it. */
export type EventInput = z.output<typeof eventInputSchema>

/** How events are to be handled. */
export const eventOptionsSchema = z
  .object({
    deliverAt: dateInputSchema.optional().describe('not before; the past means now; wins over `deliverAfter`'),
    deliverAfter: z.int().optional().describe('seconds from now; 0 and less mean now'),
    accountId: textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).optional().describe("the external account's identifier"),
    test: z
      .boolean()
      .optional()
      .describe('marks a test; absent: true in a development environment, and for names that start with `test.`'),
    orderingKey: textSchema(EVENT_TEXT_LENGTH_MAX).optional().describe('kept with the event'),
  })
  .meta({ id: 'EventOptions' })

/** How events are to be handled. */
export type EventOptions = z.output<typeof eventOptionsSchema>

/** The body of `POST /api/v1/events`. */
export const sendEventBodySchema = z.object(
  { event: eventInputSchema, options: eventOptionsSchema.optional() },
  { error: ({ input }) => (Array.isArray(input) ? SEVERAL_EVENTS : undefined) },
)

/** The body of `POST /api/v1/events/bulk`, for the documentation: each event is validated on its own. */
export const sendEventsBodySchema = z.object({
  events: z.array(eventInputSchema),
  options: eventOptionsSchema.optional().describe('hold for all of the events'),
})

/** The body of `POST /api/v1/events/bulk` before its events are looked at. */
export const sendEventsEnvelopeSchema = z.object(
  {
    events: z.array(z.unknown(), { error: ({ input }) => (input === undefined ? EVENTS_MISSING : undefined) }),
    options: eventOptionsSchema.optional(),
  },
  { error: ({ input }) => (Array.isArray(input) ? BARE_EVENTS : undefined) },
)

const bulkEventSchema = z
  .unknown()
  .transform((input, context) => {
    const value = input as Json
    const isWrapped = isJsonObject(value) && value['name'] === undefined && isJsonObject(value['event'])
    if (!isWrapped) return input
    context.issues.push({ code: 'custom', input, message: WRAPPED_EVENT, params: { code: 'invalid_type' } })
    return z.NEVER
  })
  .pipe(eventInputSchema)

/** Reads one event of a bulk call. */
export function parseBulkEvent(input: unknown): z.ZodSafeParseResult<EventInput> {
  return bulkEventSchema.safeParse(input, { error: describeIssue })
}

/** An event as it is answered after sending and cancelling. */
export const eventSchema = z
  .object({
    id: z.string().describe("the caller's id of the event"),
    name: z.string(),
    payload: jsonOutputSchema,
    context: jsonOutputSchema,
    timestamp: dateOutputSchema,
    deliverAt: dateOutputSchema,
    deliveredAt: dateOutputSchema.nullable().describe('when its deliveries were decided, also when there were none'),
    cancelledAt: dateOutputSchema.nullable(),
  })
  .meta({ id: 'Event' })

/** One result of a bulk call with `partial=true`. */
export const bulkItemSchema = z
  .object({
    status: z.int().describe('200, or the status that the event alone would have got'),
    event: eventSchema.optional(),
    error: z
      .object({
        code: z.string(),
        detail: z.string(),
        errors: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })).optional(),
      })
      .optional(),
  })
  .meta({ id: 'BulkItem' })

/** One result of a bulk call with `partial=true`. */
export type BulkItem = z.input<typeof bulkItemSchema>

const fanoutLimitedSchema = z
  .int()
  .describe('dispatchers that wanted it beyond the fan-out of the environment (`fanoutMax`), and got nothing')

/** A run of a job that an event began. */
export const eventRunSchema = z.object({
  id: z.string(),
  status: z.string(),
  startedAt: dateOutputSchema.nullable(),
  completedAt: dateOutputSchema.nullable(),
})

/** The answer of `GET /api/v1/events/:id`. */
export const eventDetailsSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
    runs: z.array(eventRunSchema).describe('runs of jobs that the event began'),
    fanoutLimited: fanoutLimitedSchema,
  })
  .meta({ id: 'EventDetails' })

/** Where an event is on its way. */
export const eventStateSchema = z.enum(['pending', 'scheduled', 'delivered', 'cancelled', 'failed'])

/** An event in a list. */
export const eventListItemSchema = z
  .object({
    ...eventSchema.shape,
    source: z.string(),
    payloadType: z.enum(['JSON', 'REQUEST']),
    state: eventStateSchema,
    accountId: z.string().nullable().describe('the external account that it belongs to'),
    unknownAccountId: z.string().nullable().describe('the account that it named, when there was none of that name'),
    matchedCount: z.int().nullable().describe('how many dispatchers took it; null until that is decided'),
    fanoutLimited: fanoutLimitedSchema,
    failureReason: z.string().nullable(),
    orderingKey: z.string().nullable(),
    test: z.boolean(),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
  })
  .meta({ id: 'EventListItem' })

/** The answer of `GET /api/v1/events`. */
export const eventListSchema = pageSchema(eventListItemSchema)

/** Query parameters of `GET /api/v1/events`. */
export const eventListQuerySchema = z.strictObject({
  ...pageQueryShape,
  id: textSchema(EVENT_TEXT_LENGTH_MAX).optional().describe("the caller's id of the event, exactly"),
  name: textSchema(EVENT_TEXT_LENGTH_MAX + 1)
    .optional()
    .describe('exact, or a prefix that ends in `*`'),
  source: textSchema(EVENT_TEXT_LENGTH_MAX).optional(),
  accountId: textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).optional().describe('of this external account'),
  from: dateInputSchema.optional().describe('accepted at or after'),
  to: dateInputSchema.optional().describe('accepted before'),
  state: eventStateSchema.optional(),
  test: booleanQuerySchema.optional(),
  payload: z.string().min(1).optional().describe('JSON that the payload contains, as `jsonb @>` of PostgreSQL says'),
})

/** Refuses a dispatcher and an endpoint at the same time: they need not be the same. */
function refuseBothIds(
  { dispatcherId, endpointId }: { dispatcherId?: string | undefined; endpointId?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (dispatcherId === undefined || endpointId === undefined) return
  const message = 'Give a dispatcherId or an endpointId, not both'
  context.addIssue({ code: 'custom', path: ['dispatcherId'], message, params: { code: 'ambiguous' } })
}

/** Path parameters of what belongs to one event. */
export const eventParamsSchema = z.object({ id: z.string().describe("the caller's id of the event") })

/** Query parameters of `GET /api/v1/events/:id/deliveries`. */
export const eventDeliveriesQuerySchema = z
  .strictObject({
    ...pageQueryShape,
    explain: booleanQuerySchema.optional().describe('also say of each dispatcher why it takes the event or does not'),
    candidatesCursor: z
      .string()
      .max(CURSOR_CHARACTERS_MAX)
      .optional()
      .describe('`nextCandidatesCursor` of the page before'),
    dispatcherId: z.uuid().optional().describe('only of this dispatcher, the explanation too'),
    endpointId: z.uuid().optional().describe('only of the dispatcher that was made with this webhook endpoint'),
  })
  .superRefine(refuseBothIds)

/** Whether a dispatcher takes an event now, and the first condition that keeps it from that. */
export const matchExplanationSchema = z
  .object({
    dispatcherId: z.string(),
    dispatchable: z.object({ type: z.string(), id: z.string() }),
    url: z.string().optional().describe('for webhooks: where it sends to'),
    matches: z.boolean().describe('as things stand now'),
    hasDelivery: z.boolean().describe('whether it took the event: its delivery tells the rest'),
    note: z
      .enum([
        'event_scheduled',
        'event_pending',
        'event_cancelled',
        'event_failed',
        'dispatcher_is_newer',
        'dispatcher_was_changed',
        'fanout_limited',
      ])
      .optional()
      .describe('why there is no delivery although it matches'),
    ...failedConditionSchema.partial().shape,
  })
  .meta({ id: 'MatchExplanation' })

/** Whether a dispatcher takes an event now. */
export type MatchExplanation = z.infer<typeof matchExplanationSchema>

/** The answer of `GET /api/v1/events/:id/deliveries`. */
export const eventDeliveriesSchema = pageSchema(eventDeliverySchema).extend({
  event: z
    .object({
      state: eventStateSchema,
      deliverAt: dateOutputSchema,
      cancelledAt: dateOutputSchema.nullable(),
      matchedCount: z.int().nullable().describe('how many dispatchers took it; null until that is decided'),
      fanoutLimited: fanoutLimitedSchema,
    })
    .describe('where the event itself is'),
  candidates: z
    .array(matchExplanationSchema)
    .optional()
    .describe(`with \`explain=true\`: up to ${PAGE_LIMIT_MAX} dispatchers, newest first`),
  nextCandidatesCursor: z
    .string()
    .nullable()
    .optional()
    .describe('with `explain=true`: pass it as `candidatesCursor` to get the next dispatchers; null on the last page'),
})

/** The body of `POST /api/v1/events/:id/replay`. */
export const replayBodySchema = z
  .strictObject({
    dispatcherId: z
      .uuid()
      .optional()
      .describe('to this dispatcher alone, also a manual one; absent: all that match now'),
    endpointId: z.uuid().optional().describe('or to the dispatcher that was made with this webhook endpoint'),
  })
  .superRefine(refuseBothIds)

/** The answer of `POST /api/v1/events/:id/replay`. */
export const replaySchema = z
  .object({
    id: z.string().describe("the caller's id of the event"),
    deliveries: z.array(
      z.object({
        id: z.string(),
        dispatcherId: z.string(),
        replayed: z.boolean().describe('false: it is still on its way and goes on as it is'),
      }),
    ),
    fanoutLimited: fanoutLimitedSchema,
  })
  .meta({ id: 'Replay' })
