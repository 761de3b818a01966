import type { accountSchema } from '@signalbox/api-contract'
import type { ExternalAccount } from '@signalbox/domain'
import type { z } from 'zod'

/** An account as the API answers it; our own id of it stays inside. */
export function showAccount({
  identifier,
  metadata,
  createdAt,
  updatedAt,
}: ExternalAccount): z.input<typeof accountSchema> {
  return { identifier, metadata, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
}
