import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ENDPOINTS_ALLOW, ENDPOINTS_PATH, makeEndpoint, openSecrets } from './make-endpoints.js'
import { startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ EGRESS_ALLOW: ENDPOINTS_ALLOW })
})

afterAll(async () => {
  await api?.stop()
})

describe('rotation', () => {
  test('the new secret is shown once and current; the former signs on for the overlap', async () => {
    const made = await makeEndpoint(api)
    const path = `${ENDPOINTS_PATH}/${made.id}/rotate-secret`
    const first = await api.call('POST', path)
    expect(first.status).toBe(200)
    expect(first.body['secret']).toMatch(/^whsec_/)
    const untilMs = Date.parse(first.body['formerUntil'] as unknown as string) - Date.now()
    expect(Math.abs(untilMs - 86_400_000)).toBeLessThan(60_000)
    const second = await api.call('POST', path, { body: { overlapSeconds: 604_800 } })
    expect(await openSecrets(api, made.id)).toEqual([
      { secret: second.body['secret'], expiresAt: null },
      { secret: first.body['secret'], expiresAt: second.body['formerUntil'] },
      // The longer overlap does not lengthen the shorter.
      { secret: made['secret'], expiresAt: first.body['formerUntil'] },
    ])
    const last = await api.call('POST', path, { body: { overlapSeconds: 0 } })
    expect(last.body['formerUntil']).toBeNull()
    expect(await openSecrets(api, made.id)).toEqual([{ secret: last.body['secret'], expiresAt: null }])
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${made.id}`)).text).not.toContain('whsec_')
  })

  test('keeps the scheme, and shows the new public key', async () => {
    const made = await makeEndpoint(api, { signing: 'v1a' })
    const rotated = await api.call('POST', `${ENDPOINTS_PATH}/${made.id}/rotate-secret`)
    expect(rotated.body).toEqual({ publicKey: expect.stringMatching(/^whpk_/), formerUntil: expect.any(String) })
    expect(rotated.body['publicKey']).not.toBe(made['publicKey'])
    expect((await api.call('GET', `${ENDPOINTS_PATH}/${made.id}`)).body['publicKey']).toBe(rotated.body['publicKey'])
  })

  test('not more than five secrets sign at a time', async () => {
    const { id } = await makeEndpoint(api)
    const path = `${ENDPOINTS_PATH}/${id}/rotate-secret`
    for (let count = 1; count < 5; count += 1) expect((await api.call('POST', path)).status).toBe(200)
    expect((await api.call('POST', path)).status).toBe(409)
    expect(await openSecrets(api, id)).toHaveLength(5)
    expect((await api.call('POST', path, { body: { overlapSeconds: 0 } })).status).toBe(200)
  })

  test('two at the same moment are both kept', async () => {
    const { id } = await makeEndpoint(api)
    const answers = await Promise.all([1, 2].map(() => api.call('POST', `${ENDPOINTS_PATH}/${id}/rotate-secret`)))
    const secrets = (await openSecrets(api, id)).map(({ secret }) => secret)
    expect(secrets).toHaveLength(3)
    expect(secrets).toEqual(expect.arrayContaining(answers.map((answer) => answer.body['secret'])))
  })

  test.each([-1, 604_801, 1.5, '60', null])('overlapSeconds %j is refused', async (overlapSeconds) => {
    const { id } = await makeEndpoint(api)
    const answer = await api.call('POST', `${ENDPOINTS_PATH}/${id}/rotate-secret`, { body: { overlapSeconds } })
    expect([answer.status, answer.body['errors']]).toMatchObject([422, [{ pointer: '/overlapSeconds' }]])
  })
})
