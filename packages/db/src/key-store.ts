import type { Environment } from '@signalbox/domain'
import type { Pool } from 'pg'
import { z } from 'zod'
import { readLimits } from './read-limits.js'

/** A live key, and the environment that it opens. */
export interface KeyRecord {
  keyId: string
  kind: 'secret' | 'public'
  expiresAt: Date | null
  environment: Environment
}

/** Looks keys up before the tenant is known. */
export interface KeyStore {
  /** Undefined for an unknown or revoked key, and for one of a deleted organization. */
  findKey(keyHash: Buffer): Promise<KeyRecord | undefined>
}

// Index: api_keys_key_hash_key.
const FIND_KEY = `
  select k.id as key_id, k.kind, k.expires_at, e.organization_id, e.id as environment_id, e.project_id, e.type,
    e.unknown_accounts, e.limits
  from api_keys k
  join runtime_environments e on e.organization_id = k.organization_id and e.id = k.environment_id
  join organizations o on o.id = k.organization_id
  where k.key_hash = $1 and k.revoked_at is null and o.deleted_at is null`

const rowSchema = z.object({
  key_id: z.string(),
  kind: z.enum(['secret', 'public']),
  expires_at: z.date().nullable(),
  organization_id: z.string(),
  environment_id: z.string(),
  project_id: z.string(),
  type: z.enum(['PRODUCTION', 'STAGING', 'DEVELOPMENT', 'PREVIEW']),
  unknown_accounts: z.enum(['ignore', 'create', 'reject']),
  limits: z.unknown(),
})

/** Creates the store on a pool. */
export function createKeyStore({ pool }: { pool: Pool }): KeyStore {
  return {
    async findKey(keyHash) {
      const { rows } = await pool.query({ name: 'find-key', text: FIND_KEY, values: [keyHash] })
      return rows.length === 0 ? undefined : toKeyRecord(rowSchema.parse(rows[0]))
    },
  }
}

function toKeyRecord(row: z.output<typeof rowSchema>): KeyRecord {
  return {
    keyId: row.key_id,
    kind: row.kind,
    expiresAt: row.expires_at,
    environment: {
      organizationId: row.organization_id,
      environmentId: row.environment_id,
      projectId: row.project_id,
      type: row.type,
      unknownAccounts: row.unknown_accounts,
      limits: readLimits(row.limits),
    },
  }
}
