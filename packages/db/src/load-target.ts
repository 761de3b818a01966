import { DEFAULT_RETRY_POLICY, type DispatchTarget, type RetryPolicy } from '@signalbox/domain'
import type pg from 'pg'
import { z } from 'zod'
import { readLimits } from './read-limits.js'
import { type SecretBox, SecretBoxError, toRowIdentity } from './secret-box.js'
import { loadTargetSql } from './sql/load-target.js'

interface TargetRow {
  environment_id: string
  enabled: boolean
  deleted_at: Date | null
  dispatchable_type: string
  dispatchable: unknown
  secret_sealed: string | null
  limits: unknown
  endpoint_id: string | null
  url: string | null
  method: DispatchTarget['method'] | null
  timeout_ms: number | null
  concurrency: number | null
  retry_policy: unknown
  secrets_sealed: string | null
  headers_sealed: string | null
  endpoint_enabled: boolean | null
  endpoint_deleted_at: Date | null
}

/** How an ephemeral dispatcher's one event is sent. */
const EPHEMERAL_TIMEOUT_MS = 15_000
const EPHEMERAL_CONCURRENCY = 10

const headersSchema = z.record(z.string(), z.string())
const secretsSchema = z.object({
  secrets: z.array(z.object({ secret: z.string(), expiresAt: z.iso.datetime().nullable() })),
})
const ephemeralSchema = z.object({ url: z.string() })
const retryPolicySchema = z.union([
  z.object({ delaysSeconds: z.array(z.number()) }),
  z.object({
    type: z.literal('exponential'),
    initialSeconds: z.number(),
    factor: z.number(),
    maxSeconds: z.number(),
    attempts: z.int(),
  }),
])

/** Loads a dispatcher's target. A secret that can't be opened makes it one to be skipped, with that reason. */
export async function loadTarget(
  deps: { pool: pg.Pool; secretBox: SecretBox },
  organizationId: string,
  dispatcherId: string,
): Promise<DispatchTarget | undefined> {
  const query = { name: 'load-target', text: loadTargetSql, values: [organizationId, dispatcherId] }
  const { rows } = await deps.pool.query<TargetRow>(query)
  const [row] = rows
  if (row === undefined) return undefined
  const base = {
    type: row.dispatchable_type,
    environmentId: row.environment_id,
    deliveriesInFlightMax: Math.max(1, readLimits(row.limits).deliveriesInFlightMax),
  }
  try {
    if (row.dispatchable_type === 'EPHEMERAL') {
      return { ...base, ...readEphemeral(deps.secretBox, row, { organizationId, dispatcherId }) }
    }
    return { ...base, ...readWebhook(deps.secretBox, row, { organizationId, dispatcherId }) }
  } catch (error) {
    // What can't be read now can't be read in a minute either: the delivery ends, with its reason, and can be replayed.
    if (!(error instanceof SecretBoxError || error instanceof z.ZodError || error instanceof SyntaxError)) throw error
    return { ...base, ...NOTHING_TO_SEND, laneKey: dispatcherId, skipReason: 'secret_unreadable' }
  }
}

type Specific = Omit<DispatchTarget, 'type' | 'environmentId' | 'deliveriesInFlightMax'>

const NOTHING_TO_SEND = {
  endpointId: null,
  url: '',
  method: 'POST' as const,
  headers: {},
  secrets: [],
  timeoutMs: EPHEMERAL_TIMEOUT_MS,
  concurrency: 1,
  retryPolicy: DEFAULT_RETRY_POLICY,
}

// The dispatcher of an ephemeral delivery is gone by the time of its dispatch: that it is deleted does not count.
function readEphemeral(
  secretBox: SecretBox,
  row: TargetRow,
  ids: { organizationId: string; dispatcherId: string },
): Specific {
  const identity = toRowIdentity({
    organizationId: ids.organizationId,
    table: 'event_dispatchers',
    id: ids.dispatcherId,
  })
  return {
    ...NOTHING_TO_SEND,
    laneKey: `dispatcher ${ids.dispatcherId}`,
    skipReason: null,
    url: ephemeralSchema.parse(row.dispatchable).url,
    secrets: row.secret_sealed === null ? [] : [secretBox.open(row.secret_sealed, identity)],
    concurrency: EPHEMERAL_CONCURRENCY,
  }
}

function readWebhook(
  secretBox: SecretBox,
  row: TargetRow,
  ids: { organizationId: string; dispatcherId: string },
): Specific {
  const nothing = { ...NOTHING_TO_SEND, laneKey: `dispatcher ${ids.dispatcherId}` }
  if (!row.enabled || row.deleted_at !== null) return { ...nothing, skipReason: 'dispatcher_disabled' }
  if (row.endpoint_id === null || row.url === null || row.secrets_sealed === null) {
    return { ...nothing, skipReason: 'endpoint_disabled' }
  }
  if (row.endpoint_enabled !== true || row.endpoint_deleted_at !== null) {
    return { ...nothing, skipReason: 'endpoint_disabled' }
  }
  const identity = toRowIdentity({
    organizationId: ids.organizationId,
    table: 'webhook_endpoints',
    id: row.endpoint_id,
  })
  const opened = secretsSchema.parse(JSON.parse(secretBox.open(row.secrets_sealed, identity)))
  const headers = row.headers_sealed === null ? {} : JSON.parse(secretBox.open(row.headers_sealed, identity))
  const now = new Date().toISOString()
  return {
    laneKey: `endpoint ${row.endpoint_id}`,
    skipReason: null,
    endpointId: row.endpoint_id,
    url: row.url,
    method: row.method ?? 'POST',
    headers: headersSchema.parse(headers),
    secrets: opened.secrets.filter((one) => one.expiresAt === null || one.expiresAt > now).map((one) => one.secret),
    timeoutMs: row.timeout_ms ?? NOTHING_TO_SEND.timeoutMs,
    concurrency: row.concurrency ?? 1,
    retryPolicy: readRetryPolicy(row.retry_policy),
  }
}

function readRetryPolicy(column: unknown): RetryPolicy {
  const parsed = retryPolicySchema.safeParse(column)
  return parsed.success ? parsed.data : DEFAULT_RETRY_POLICY
}
