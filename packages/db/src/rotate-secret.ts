import type { TenantScope } from '@signalbox/domain'
import {
  type EndpointRow,
  endpointIdentity,
  openSecrets,
  sealSecrets,
  type SecretEntry,
  type SigningSecret,
  signingVersionOf,
} from './endpoint-row.js'
import type { Rotation } from './endpoint-input.js'
import type { Prisma, PrismaClient } from './generated/client.js'
import { runOutcome } from './run-outcome.js'
import type { SecretBox } from './secret-box.js'

/** How a rotation ended; the secret is shown to its caller this once. */
export type RotateOutcome =
  | {
      readonly ok: true
      readonly secret: SigningSecret
      /** When the last of the former secrets stops to sign; null when none does any more. */
      readonly formerUntil: Date | null
    }
  | { readonly ok: false; readonly code: 'missing' | 'too_many_secrets' }

/** As many signatures as one request carries. */
const LIVE_SECRETS_MAX = 5

/** Puts a new secret before the ones that sign at present, which run out after the overlap. */
export async function rotateSecret(
  { prisma, secretBox }: { prisma: PrismaClient; secretBox: SecretBox },
  { scope, id }: { scope: TenantScope; id: string },
  { overlapSeconds, makeSecret }: Rotation,
): Promise<RotateOutcome> {
  return await runOutcome(prisma, async (tx): Promise<RotateOutcome> => {
    const row = await lockEndpoint(tx, scope, id)
    if (row === undefined) return { ok: false, code: 'missing' }
    const now = new Date()
    const live = openSecrets(secretBox, row, now)
    const current = live[0]
    if (current === undefined) throw new Error('an endpoint has no current secret')
    const until = new Date(now.getTime() + overlapSeconds * 1_000)
    const former = overlapSeconds === 0 ? [] : live.map((entry) => endBy(entry, until))
    if (former.length >= LIVE_SECRETS_MAX) return { ok: false, code: 'too_many_secrets' }
    const secret = makeSecret(signingVersionOf(current.secret))
    const secrets = [{ ...secret, expiresAt: null }, ...former]
    await tx.webhookEndpoint.update({
      where: { organizationId_id: { organizationId: scope.organizationId, id } },
      data: { secretsSealed: sealSecrets(secretBox, secrets, endpointIdentity(scope, id)) },
    })
    return { ok: true, secret, formerUntil: former.length === 0 ? null : until }
  })
}

async function lockEndpoint(
  tx: Prisma.TransactionClient,
  { organizationId, environmentId }: TenantScope,
  id: string,
): Promise<EndpointRow | undefined> {
  // webhook_endpoints_pkey
  await tx.$queryRaw`
    select 1 from webhook_endpoints
    where organization_id = ${organizationId}::uuid and id = ${id}::uuid for update`
  const where = { organizationId, environmentId, id, deletedAt: null }
  return (await tx.webhookEndpoint.findFirst({ where })) ?? undefined
}

/** A secret that was to end sooner still does. */
function endBy(entry: SecretEntry, until: Date): SecretEntry {
  const isSooner = entry.expiresAt !== null && new Date(entry.expiresAt) < until
  return isSooner ? entry : { ...entry, expiresAt: until.toISOString() }
}
