import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createSecretBox, toRowIdentity } from '@signalbox/db'
import { type ApiAnswer, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: '127.0.0.1:4011,hooks.internal' })
})

afterAll(async () => {
  await api?.stop()
})

const PATH = '/api/v1/webhook-endpoints'
const WISH = { url: 'http://127.0.0.1:4011/hook', events: ['invoice.*'] }

const post = (change: object = {}, key = api.a.production.secretKey): Promise<ApiAnswer> =>
  api.call('POST', PATH, { body: { ...WISH, ...change }, key })

async function makeEndpoint(change: object = {}): Promise<ApiAnswer['body'] & { id: string; dispatcherId: string }> {
  const answer = await post(change)
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  return answer.body as ApiAnswer['body'] & { id: string; dispatcherId: string }
}

async function openSecrets(id: string): Promise<{ secret: string; expiresAt: string | null; publicKey?: string }[]> {
  const row = await api.database.prisma.webhookEndpoint.findFirstOrThrow({ where: { id } })
  const identity = toRowIdentity({ organizationId: row.organizationId, table: 'webhook_endpoints', id })
  return JSON.parse(createSecretBox(api.config.SECRETS_MASTER_KEYS).open(row.secretsSealed, identity)).secrets
}

describe('rotation', () => {
  test('the new secret is shown once and current; the former signs on for the overlap', async () => {
    const made = await makeEndpoint()
    const path = `${PATH}/${made.id}/rotate-secret`
    const first = await api.call('POST', path)
    expect(first.status).toBe(200)
    expect(first.body['secret']).toMatch(/^whsec_/)
    const untilMs = Date.parse(first.body['formerUntil'] as unknown as string) - Date.now()
    expect(Math.abs(untilMs - 86_400_000)).toBeLessThan(60_000)
    const second = await api.call('POST', path, { body: { overlapSeconds: 604_800 } })
    expect(await openSecrets(made.id)).toEqual([
      { secret: second.body['secret'], expiresAt: null },
      { secret: first.body['secret'], expiresAt: second.body['formerUntil'] },
      // The longer overlap does not lengthen the shorter.
      { secret: made['secret'], expiresAt: first.body['formerUntil'] },
    ])
    const last = await api.call('POST', path, { body: { overlapSeconds: 0 } })
    expect(last.body['formerUntil']).toBeNull()
    expect(await openSecrets(made.id)).toEqual([{ secret: last.body['secret'], expiresAt: null }])
    expect((await api.call('GET', `${PATH}/${made.id}`)).text).not.toContain('whsec_')
  })

  test('keeps the scheme, and shows the new public key', async () => {
    const made = await makeEndpoint({ signing: 'v1a' })
    const rotated = await api.call('POST', `${PATH}/${made.id}/rotate-secret`)
    expect(rotated.body).toEqual({ publicKey: expect.stringMatching(/^whpk_/), formerUntil: expect.any(String) })
    expect(rotated.body['publicKey']).not.toBe(made['publicKey'])
    expect((await api.call('GET', `${PATH}/${made.id}`)).body['publicKey']).toBe(rotated.body['publicKey'])
  })

  test('not more than five secrets sign at a time', async () => {
    const { id } = await makeEndpoint()
    const path = `${PATH}/${id}/rotate-secret`
    for (let count = 1; count < 5; count += 1) expect((await api.call('POST', path)).status).toBe(200)
    expect((await api.call('POST', path)).status).toBe(409)
    expect(await openSecrets(id)).toHaveLength(5)
    expect((await api.call('POST', path, { body: { overlapSeconds: 0 } })).status).toBe(200)
  })

  test('two at the same moment are both kept', async () => {
    const { id } = await makeEndpoint()
    const answers = await Promise.all([1, 2].map(() => api.call('POST', `${PATH}/${id}/rotate-secret`)))
    const secrets = (await openSecrets(id)).map(({ secret }) => secret)
    expect(secrets).toHaveLength(3)
    expect(secrets).toEqual(expect.arrayContaining(answers.map((answer) => answer.body['secret'])))
  })

  test.each([-1, 604_801, 1.5, '60', null])('overlapSeconds %j is refused', async (overlapSeconds) => {
    const { id } = await makeEndpoint()
    const answer = await api.call('POST', `${PATH}/${id}/rotate-secret`, { body: { overlapSeconds } })
    expect([answer.status, answer.body['errors']]).toMatchObject([422, [{ pointer: '/overlapSeconds' }]])
  })
})
