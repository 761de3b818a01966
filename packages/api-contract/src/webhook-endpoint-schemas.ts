import { ACCOUNT_IDENTIFIER_LENGTH_MAX, isJsonObject, type Json } from '@signalbox/domain'
import { z } from 'zod'
import { dispatcherIndexSchema } from './dispatcher-schemas.js'
import { dateOutputSchema, textSchema } from './fields.js'
import { pageQueryShape, pageSchema } from './page.js'
import {
  checkSubscription,
  eventNamesSchema,
  filterLanguageSchema,
  filterSchema,
  wantedSourceSchema,
  writtenFilterSchema,
} from './subscription-fields.js'

/** Bounds of one attempt's time, in milliseconds. */
export const ENDPOINT_TIMEOUT_MS = { min: 1_000, max: 60_000, default: 15_000 } as const

/** Bounds of deliveries in flight to one endpoint at a time. */
export const ENDPOINT_CONCURRENCY = { min: 1, max: 100, default: 50 } as const

/** How long a former secret still signs after a rotation, in seconds: a week at most. */
export const SECRET_OVERLAP_SECONDS = { max: 604_800, default: 86_400 } as const

/** A schedule is looked at by people: two dozen tries are more than any needs. */
const RETRIES_MAX = 20
const DELAY_SECONDS_MAX = 7 * 86_400

const DESCRIPTION_CHARACTERS_MAX = 1_024
const URL_CHARACTERS_MAX = 4_096
const SECRET_CHARACTERS_MAX = 256

/** Settings that exist elsewhere and are not carried out here yet: taking them in silence would be a promise. */
export const UNSUPPORTED_ENDPOINT_FIELDS = ['rateLimit', 'ordered', 'auth', 'format'] as const

const delaySchema = z.number().min(0).max(DELAY_SECONDS_MAX)

/** When a failed delivery is tried again. */
export const retryPolicySchema = z
  .union(
    [
      z.strictObject({ delaysSeconds: z.array(delaySchema).max(RETRIES_MAX) }),
      z.strictObject({
        type: z.literal('exponential'),
        initialSeconds: delaySchema,
        factor: z.number().min(1).max(100),
        maxSeconds: delaySchema,
        attempts: z.int().min(1).max(RETRIES_MAX),
      }),
    ],
    {
      error:
        'Expected { delaysSeconds } with up to 20 pauses of up to 7 days, or ' +
        '{ type: "exponential", initialSeconds, factor, maxSeconds, attempts } with up to 20 attempts',
    },
  )
  .describe('pauses before each further attempt, or pauses that grow by a factor up to a cap')
  .meta({ id: 'RetryPolicy' })

/** Names and values; what they may be is checked together with the rest of the request that is sent. */
export const customHeadersSchema = z
  .unknown()
  .transform((input, context): Record<string, string> => {
    const value = input as Json
    const isOfTexts = isJsonObject(value) && Object.values(value).every((each) => typeof each === 'string')
    if (isOfTexts && !Object.hasOwn(value, '__proto__')) return value as Record<string, string>
    const message = 'Expected an object of header names and texts'
    context.issues.push({ code: 'custom', input, message, params: { code: 'invalid_type' } })
    return z.NEVER
  })
  .describe('sent with each request; values are stored encrypted and never shown again')

const accountIdSchema = textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).describe('only events of this external account')

const endpointShape = {
  url: z.string().min(1).max(URL_CHARACTERS_MAX).describe('public http or https address of the receiver'),
  events: eventNamesSchema.optional(),
  source: wantedSourceSchema.optional(),
  filter: writtenFilterSchema
    .nullable()
    .optional()
    .describe('conditions on the payload, or an event pattern of EventBridge (see `filterLanguage`); null: none'),
  filterLanguage: filterLanguageSchema.optional(),
  contextFilter: filterSchema.nullable().optional().describe('conditions on the context; null: none'),
  accountId: accountIdSchema.nullable().optional(),
  description: z.string().max(DESCRIPTION_CHARACTERS_MAX).optional(),
  headers: customHeadersSchema.nullable().optional(),
  timeoutMs: z.int().min(ENDPOINT_TIMEOUT_MS.min).max(ENDPOINT_TIMEOUT_MS.max).optional().describe('of one attempt'),
  concurrency: z
    .int()
    .min(ENDPOINT_CONCURRENCY.min)
    .max(ENDPOINT_CONCURRENCY.max)
    .optional()
    .describe('deliveries in flight at a time'),
  retryPolicy: retryPolicySchema.nullable().optional().describe('null: the default schedule'),
  method: z.enum(['POST', 'PUT', 'PATCH']).optional(),
  enabled: z.boolean().optional(),
}

const newEndpointShape = {
  ...endpointShape,
  events: endpointShape.events.describe(
    'names of events, as elsewhere; only with event patterns of EventBridge absent, which is `*`',
  ),
}

const signingShape = {
  secret: z
    .string()
    .max(SECRET_CHARACTERS_MAX)
    .optional()
    .describe('your own secret (`whsec_…` or `whsk_…`); absent: one is made'),
  signing: z.enum(['v1', 'v1a']).optional().describe('v1: HMAC-SHA256 (default); v1a: ed25519'),
}

const unsupportedShape = Object.fromEntries(
  UNSUPPORTED_ENDPOINT_FIELDS.map((name) => [name, z.unknown().optional()]),
) as Record<(typeof UNSUPPORTED_ENDPOINT_FIELDS)[number], z.ZodOptional<z.ZodUnknown>>

/** What the documentation shows of `POST /api/v1/webhook-endpoints`. */
export const createEndpointDocumentedSchema = z
  .object({ ...newEndpointShape, ...signingShape })
  .meta({ id: 'NewWebhookEndpoint' })

/** Body of `POST /api/v1/webhook-endpoints`. */
export const createEndpointBodySchema = z
  .object({ ...newEndpointShape, ...signingShape, ...unsupportedShape })
  .check(checkSubscription({ filter: 'filter', events: 'events' }))

const changeShape = { ...endpointShape, url: endpointShape.url.optional() }

/** What the documentation shows of `PATCH /api/v1/webhook-endpoints/:id`. */
export const changeEndpointDocumentedSchema = z.object(changeShape).meta({ id: 'WebhookEndpointChange' })

/** Body of `PATCH /api/v1/webhook-endpoints/:id`: what is absent stays, null clears. */
export const changeEndpointBodySchema = z
  .object({
    ...changeShape,
    ...unsupportedShape,
    secret: z.unknown().optional(),
    signing: z.unknown().optional(),
  })
  .check(checkSubscription({ filter: 'filter', isLanguageKept: true }))

/** Body of `POST /api/v1/webhook-endpoints/:id/rotate-secret`. */
export const rotateSecretBodySchema = z
  .object({
    overlapSeconds: z
      .int()
      .min(0)
      .max(SECRET_OVERLAP_SECONDS.max)
      .default(SECRET_OVERLAP_SECONDS.default)
      .describe('how long the former secret signs beside the new one'),
  })
  .meta({ id: 'SecretRotation' })

/** A webhook endpoint as it is answered; secrets and values of headers are never part of it. */
export const webhookEndpointSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string(),
    dispatcherId: z.string().nullable().describe('the dispatcher that was made with it; null when that was deleted'),
    dispatcherEnabled: z.boolean().nullable().describe('false: nothing is sent, also when the endpoint is enabled'),
    events: z.array(z.string()),
    source: z.string().nullable(),
    filter: z.record(z.string(), z.unknown()).nullable(),
    filterLanguage: filterLanguageSchema,
    contextFilter: z.record(z.string(), z.unknown()).nullable(),
    accountId: z.string().nullable(),
    method: z.enum(['POST', 'PUT', 'PATCH']),
    headers: z.record(z.string(), z.string()).describe('names; the values are masked'),
    timeoutMs: z.int(),
    concurrency: z.int(),
    retryPolicy: retryPolicySchema,
    signing: z.enum(['v1', 'v1a']),
    publicKey: z.string().nullable().describe('for v1a: what receivers verify with (`whpk_…`)'),
    enabled: z.boolean(),
    disabledReason: z.string().nullable(),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
  })
  .meta({ id: 'WebhookEndpoint' })

/** One endpoint as it is answered by itself. */
export const shownEndpointSchema = webhookEndpointSchema
  .extend({
    index: dispatcherIndexSchema
      .nullable()
      .describe('what carries its filters, `filter` being `payloadFilter` here; null when its dispatcher was deleted'),
  })
  .meta({ id: 'ShownWebhookEndpoint' })

/** The answer that made an endpoint: the one time that its secret is shown. */
export const createdEndpointSchema = shownEndpointSchema
  .extend({ secret: z.string().optional().describe('for v1: shown this once') })
  .meta({ id: 'CreatedWebhookEndpoint' })

/** The answer of `GET /api/v1/webhook-endpoints`. */
export const webhookEndpointListSchema = pageSchema(webhookEndpointSchema)

/** Query of `GET /api/v1/webhook-endpoints`. */
export const webhookEndpointListQuerySchema = z.strictObject(pageQueryShape)

/** The answer of a rotation. */
export const rotatedSecretSchema = z
  .object({
    secret: z.string().optional().describe('for v1: the new secret, shown this once'),
    publicKey: z.string().optional().describe('for v1a: the new public key'),
    formerUntil: dateOutputSchema.nullable().describe('until when former secrets sign as well; null: no longer'),
  })
  .meta({ id: 'RotatedSecret' })
