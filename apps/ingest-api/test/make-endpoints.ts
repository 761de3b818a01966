import { expect } from '@jest/globals'
import { createSecretBox, toRowIdentity } from '@signalbox/db'
import type { ApiAnswer, TestApi } from './start-test-api.js'

/** Where endpoints are. */
export const ENDPOINTS_PATH = '/api/v1/webhook-endpoints'

/** A body that is accepted. */
export const ENDPOINT_WISH = { url: 'http://127.0.0.1:4011/hook', events: ['invoice.*'] }

/** What may be reached from endpoints that are made here. */
export const ENDPOINTS_ALLOW = '127.0.0.1:4011,hooks.internal'

type MadeEndpoint = ApiAnswer['body'] & { id: string; dispatcherId: string }

/** Asks for an endpoint, by default with production's key. */
export function postEndpoint(api: TestApi, change: object = {}, key = api.a.production.secretKey): Promise<ApiAnswer> {
  return api.call('POST', ENDPOINTS_PATH, { body: { ...ENDPOINT_WISH, ...change }, key })
}

/** Makes one. */
export async function makeEndpoint(api: TestApi, change: object = {}): Promise<MadeEndpoint> {
  const answer = await postEndpoint(api, change)
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  return answer.body as MadeEndpoint
}

/** The secrets of an endpoint as they are stored. */
export async function openSecrets(
  api: TestApi,
  id: string,
): Promise<{ secret: string; expiresAt: string | null; publicKey?: string }[]> {
  const row = await api.database.prisma.webhookEndpoint.findFirstOrThrow({ where: { id } })
  const identity = toRowIdentity({ organizationId: row.organizationId, table: 'webhook_endpoints', id })
  return JSON.parse(createSecretBox(api.config.SECRETS_MASTER_KEYS).open(row.secretsSealed, identity)).secrets
}
