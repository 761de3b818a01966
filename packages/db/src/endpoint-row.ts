import type { RetryPolicy, TenantScope } from '@signalbox/domain'
import { z } from 'zod'
import type { StoredDispatcher } from './dispatcher-row.js'
import type { Prisma } from './generated/client.js'
import { type SecretBox, toRowIdentity } from './secret-box.js'

/** The signature schemes of Standard Webhooks: HMAC-SHA256 and ed25519. */
export type SigningVersion = 'v1' | 'v1a'

/** A secret that signs, and for a key pair the half that receivers verify with. */
export interface SigningSecret {
  secret: string
  publicKey?: string | undefined
}

/** How an endpoint's requests are sent. */
export type EndpointMethod = 'POST' | 'PUT' | 'PATCH'

/** A webhook endpoint as callers see it: names of its headers, nothing of their values or of its secrets. */
export interface StoredEndpoint {
  id: string
  url: string
  description: string
  method: EndpointMethod
  timeoutMs: number
  concurrency: number
  retryPolicy: RetryPolicy | null
  headerNames: string[]
  signing: SigningVersion
  /** For `v1a`. */
  publicKey: string | null
  /** How many secrets sign at this moment: more than one while a rotation overlaps. */
  secretCount: number
  enabled: boolean
  disabledReason: string | null
  createdAt: Date
  updatedAt: Date
  /** The dispatcher that was made with it; null when that was deleted. */
  subscription: StoredDispatcher | null
}

/** A row of `webhook_endpoints`. */
export type EndpointRow = Prisma.WebhookEndpointGetPayload<object>

/** One secret of an endpoint; `expiresAt` is null for the current one. */
export type SecretEntry = z.infer<typeof secretEntrySchema>

/** The prefix of private keys in the spelling of Standard Webhooks. */
const PRIVATE_KEY_PREFIX = 'whsk_'

const secretEntrySchema = z.object({
  secret: z.string(),
  publicKey: z.string().optional(),
  expiresAt: z.iso.datetime().nullable(),
})
const secretsSchema = z.object({ secrets: z.array(secretEntrySchema).min(1) })
const headersSchema = z.record(z.string(), z.string())

/** The identity that an endpoint's sealed columns are bound to. */
export function endpointIdentity(scope: Pick<TenantScope, 'organizationId'>, id: string): string {
  return toRowIdentity({ organizationId: scope.organizationId, table: 'webhook_endpoints', id })
}

/** Seals an endpoint's secrets, newest first. */
export function sealSecrets(box: SecretBox, secrets: readonly SecretEntry[], rowIdentity: string): string {
  return box.seal(JSON.stringify({ secrets }), rowIdentity)
}

/** Opens an endpoint's secrets, newest first, those that have run out left out. */
export function openSecrets(box: SecretBox, row: EndpointRow, now: Date): SecretEntry[] {
  const { secrets } = secretsSchema.parse(JSON.parse(box.open(row.secretsSealed, endpointIdentity(row, row.id))))
  return secrets.filter(({ expiresAt }) => expiresAt === null || new Date(expiresAt) > now)
}

/** Seals an endpoint's headers; none are null. */
export function sealHeaders(
  box: SecretBox,
  headers: Readonly<Record<string, string>>,
  rowIdentity: string,
): string | null {
  return Object.keys(headers).length === 0 ? null : box.seal(JSON.stringify(headers), rowIdentity)
}

/** The scheme that a secret signs with. */
export function signingVersionOf(secret: string): SigningVersion {
  return secret.startsWith(PRIVATE_KEY_PREFIX) ? 'v1a' : 'v1'
}

/** Reads a row. Throws a SecretBoxError when its sealed columns can't be opened. */
export function toStoredEndpoint(
  box: SecretBox,
  row: EndpointRow,
  subscription: StoredDispatcher | null,
): StoredEndpoint {
  const secrets = openSecrets(box, row, new Date())
  const current = secrets[0]
  if (current === undefined) throw new Error('an endpoint has no current secret')
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    method: row.method as EndpointMethod,
    timeoutMs: row.timeoutMs,
    concurrency: row.concurrency,
    retryPolicy: row.retryPolicy as RetryPolicy | null,
    headerNames: openHeaderNames(box, row),
    signing: signingVersionOf(current.secret),
    publicKey: current.publicKey ?? null,
    secretCount: secrets.length,
    enabled: row.enabled,
    disabledReason: row.disabledReason,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    subscription,
  }
}

function openHeaderNames(box: SecretBox, row: EndpointRow): string[] {
  if (row.headersSealed === null) return []
  return Object.keys(headersSchema.parse(JSON.parse(box.open(row.headersSealed, endpointIdentity(row, row.id)))))
}
