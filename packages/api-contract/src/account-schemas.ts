import { ACCOUNT_IDENTIFIER_LENGTH_MAX, ACCOUNT_METADATA_BYTES_MAX, isJsonObject, type Json } from '@signalbox/domain'
import { z } from 'zod'
import { holdsKey, refuseProtoKey } from './refuse-proto-key.js'
import { dateOutputSchema, textSchema } from './fields.js'
import { pageQueryShape, pageSchema } from './page.js'

/** An external account's identifier: the tenant's own name for one of its users. */
export const accountIdentifierSchema = textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).describe(
  `your own identifier of the account, 1 to ${ACCOUNT_IDENTIFIER_LENGTH_MAX} characters, unique in the environment`,
)

const bytesOf = (value: Json): number => new TextEncoder().encode(JSON.stringify(value)).length

/** Any JSON object up to 64 KiB; taken as it is, so that every key of it is kept. */
export const metadataSchema = z
  .unknown()
  .transform((input, context) => {
    const value = input as Json
    if (!isJsonObject(value)) {
      context.issues.push({
        code: 'custom',
        input,
        message: 'Expected a JSON object',
        params: { code: 'invalid_type' },
      })
      return z.NEVER
    }
    if (holdsKey(value, '__proto__')) return refuseProtoKey(input, context)
    if (bytesOf(value) > ACCOUNT_METADATA_BYTES_MAX) {
      const message = `Metadata may have up to ${ACCOUNT_METADATA_BYTES_MAX} bytes of JSON`
      context.issues.push({ code: 'custom', input, message, params: { code: 'too_big' } })
      return z.NEVER
    }
    return value
  })
  .describe(`any JSON object up to ${ACCOUNT_METADATA_BYTES_MAX} bytes`)

/** Body of `POST /api/v1/accounts`. */
export const createAccountBodySchema = z
  .object({ identifier: accountIdentifierSchema, metadata: metadataSchema.optional() })
  .meta({ id: 'NewAccount' })

/** Body of `PUT` and `PATCH /api/v1/accounts/:identifier`. */
export const changeAccountBodySchema = z.object({ metadata: metadataSchema.optional() }).meta({ id: 'AccountChange' })

/** Path of one account. */
export const accountParamsSchema = z.object({ identifier: accountIdentifierSchema })

/** Query of `GET /api/v1/accounts`. */
export const accountListQuerySchema = z.strictObject({
  ...pageQueryShape,
  prefix: textSchema(ACCOUNT_IDENTIFIER_LENGTH_MAX).optional().describe('only identifiers that begin so'),
})

/** An external account as it is answered. */
export const accountSchema = z
  .object({
    identifier: z.string(),
    metadata: z.record(z.string(), z.unknown()),
    createdAt: dateOutputSchema,
    updatedAt: dateOutputSchema,
  })
  .meta({ id: 'Account' })

/** The answer of `GET /api/v1/accounts`. */
export const accountListSchema = pageSchema(accountSchema)
