import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import { problemSchema } from '@signalbox/api-contract'
import { hashKey } from '@signalbox/db'
import { createId } from '@signalbox/domain'
import { pollUntil } from '@signalbox/testkit'
import { type ApiAnswer, type CallOptions, startTestApi, type TestApi } from './start-test-api.js'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})

afterAll(async () => {
  await api?.stop()
})

const EVENTS = '/api/v1/events'
const BODY = { event: { name: 'a' } }

const post = (options: CallOptions): Promise<ApiAnswer> => api.call('POST', EVENTS, { body: BODY, ...options })

/** Adds a key to tenant A's production environment. */
async function addKey(change: { expiresAt?: Date; revokedAt?: Date }): Promise<string> {
  const key = `tr_prod_${createId().replaceAll('-', '')}`
  await api.database.prisma.apiKey.create({
    data: {
      organizationId: api.a.organizationId,
      id: createId(),
      environmentId: api.a.production.id,
      kind: 'secret',
      keyHash: hashKey(key),
      prefix: 'tr_prod_',
      last4: key.slice(-4),
      ...change,
    },
  })
  return key
}

describe('authentication', () => {
  test.each([
    ['with the word Bearer', (key: string) => `Bearer ${key}`],
    ['with the word in another case', (key: string) => `bEARER ${key}`],
    ['without the word', (key: string) => key],
  ])('takes a key %s', async (_name, write) => {
    expect((await post({ headers: { authorization: write(api.a.production.secretKey) } })).status).toBe(200)
  })

  test.each([
    ['missing', undefined],
    ['empty', 'Bearer '],
    ['of another scheme', 'Basic dXNlcjpwYXNz'],
    ['unknown', 'Bearer tr_prod_0000000000000000000000000000000000000000'],
    ['no key at all', 'Bearer x'],
    ['endless', `Bearer tr_prod_${'a'.repeat(5_000)}`],
    ['a personal token that is unknown', 'tr_pat_0000000000000000000000'],
  ])('a key that is %s gets 401', async (_name, authorization) => {
    const answer = await post({ key: null, headers: authorization === undefined ? {} : { authorization } })
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
  })

  test('a key that is revoked, has run out or belongs to a deleted organization gets 401', async () => {
    expect((await post({ key: await addKey({ revokedAt: new Date() }) })).status).toBe(401)
    expect((await post({ key: await addKey({ expiresAt: new Date(Date.now() - 1_000) }) })).status).toBe(401)
    expect((await post({ key: await addKey({ expiresAt: new Date(Date.now() + 60_000) }) })).status).toBe(200)
    await api.database.pool.query('update organizations set deleted_at = now() where id = $1', [api.b.organizationId])
    expect((await post({ key: api.b.production.secretKey })).status).toBe(401)
    await api.database.pool.query('update organizations set deleted_at = null where id = $1', [api.b.organizationId])
  })

  test('a revoked key stops within 5 seconds, also when it is in use', async () => {
    const key = await addKey({})
    expect((await post({ key })).status).toBe(200)
    await api.database.pool.query('update api_keys set revoked_at = now() where key_hash = $1', [hashKey(key)])
    const revokedAt = Date.now()
    let status = 200
    while (status === 200 && Date.now() - revokedAt < 6_000) status = (await post({ key })).status
    expect(status).toBe(401)
    expect(Date.now() - revokedAt).toBeLessThan(5_000)
  })

  test('a public key may read an event and nothing more', async () => {
    const key = api.a.production.publicKey
    const { body } = await post({})
    expect((await api.call('GET', `${EVENTS}/${String(body['id'])}`, { key })).status).toBe(200)
    expect((await post({ key })).body).toMatchObject({ status: 403, code: 'forbidden' })
    expect((await api.call('GET', EVENTS, { key })).status).toBe(403)
    expect((await api.call('POST', `${EVENTS}/x/cancel`, { key })).status).toBe(403)
  })

  test('a key in the URL is refused, with and without one in the header', async () => {
    const path = `${EVENTS}?apiKey=${api.a.production.secretKey}`
    for (const key of [null, api.a.production.secretKey]) {
      const answer = await api.call('GET', path, { key })
      expect(answer).toMatchObject({ status: 401, body: { code: 'key_in_url' } })
      expect(answer.text).not.toContain(api.a.production.secretKey)
    }
  })

  test('too many wrong keys of one address get 429, good keys go on', async () => {
    const limited = await startTestApi({ AUTH_FAILURES_PER_MINUTE: '5' })
    try {
      const good = limited.a.production.secretKey
      expect((await limited.call('POST', EVENTS, { body: BODY })).status).toBe(200)
      const answers: ApiAnswer[] = []
      for (let index = 0; index < 8; index += 1) {
        answers.push(await limited.call('GET', EVENTS, { key: `tr_prod_wrong${index}` }))
      }
      expect(answers.map((answer) => answer.status)).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
      expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect((await limited.call('POST', EVENTS, { body: BODY, key: good })).status).toBe(200)
    } finally {
      await limited.stop()
    }
  })
})

describe('problems', () => {
  const expectProblem = (answer: ApiAnswer, status: number, code: string): void => {
    expect([answer.status, answer.body['code'], answer.text]).toEqual([status, code, expect.any(String)])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    const problem = problemSchema.parse(answer.body)
    expect(problem).toMatchObject({ status, type: `urn:signalbox:problem:${code}`, error: problem.detail })
  }

  test('malformed JSON is 400', async () => {
    for (const raw of ['', '{', '{"event":}', 'event', '{"event":{"name":"a"}}x', '\ufeff{}', "{'event':1}"]) {
      expectProblem(await post({ raw }), 400, 'malformed_json')
    }
    expectProblem(
      await post({ raw: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]) }),
      400,
      'malformed_json',
    )
  })

  test('an invalid body is 422', async () => {
    for (const body of [null, 5, 'a', [], {}, { event: null }, { event: [] }, { event: { name: 5 } }]) {
      expectProblem(await post({ body }), 422, 'invalid')
    }
  })

  test('an unknown route is 404, a wrong method 405 with Allow', async () => {
    for (const path of ['/api', '/api/v1/nothing', '/api/v2/events', '//api/v1/events', '/API/V1/EVENTS']) {
      expectProblem(await api.call('GET', path), 404, 'unknown_route')
    }
    const cases = [
      ['DELETE', EVENTS, 'GET, HEAD, OPTIONS, POST'],
      ['PUT', `${EVENTS}/x`, 'GET, HEAD, OPTIONS'],
      ['GET', `${EVENTS}/x/cancel`, 'OPTIONS, POST'],
      ['POST', '/health/live', 'GET, HEAD, OPTIONS'],
    ] as const
    for (const [method, path, allow] of cases) {
      const answer = await api.call(method, path)
      expectProblem(answer, 405, 'method_not_allowed')
      expect(answer.headers.get('allow')).toBe(allow)
    }
  })

  test('a path that is not percent-encoded is 400, and so is a NUL', async () => {
    expectProblem(await api.call('GET', `${EVENTS}/%zz`), 400, 'malformed_request')
    expectProblem(await api.call('GET', `${EVENTS}/%ff`), 400, 'malformed_request')
    expectProblem(await api.call('GET', `${EVENTS}/a%00b`), 400, 'malformed_request')
    expectProblem(await api.call('GET', `${EVENTS}?name=%00`), 400, 'malformed_request')
  })

  test('an event without its envelope is told what is missing', async () => {
    const { status, body } = await api.call('POST', EVENTS, { body: { name: 'order.created' } })
    expect([status, body['detail']]).toEqual([422, '/event: `event` is missing: {"event": {"name": …}}'])
  })

  test('the root leads to the documentation', async () => {
    const { status, headers } = await api.call('GET', '/')
    expect([status, headers.get('location')]).toEqual([302, '/docs'])
  })

  test('another media type or encoding is 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', '']) {
      expectProblem(await post({ headers: { 'content-type': type } }), 415, 'unsupported_media_type')
    }
    const { body } = await post({ headers: { 'content-type': 'text/plain' } })
    expect(body['detail']).toContain('not "text/plain"')
    expectProblem(await post({ headers: { 'content-encoding': 'br' } }), 415, 'unsupported_media_type')
    expect((await post({ headers: { 'content-type': 'application/json; charset=UTF-8' } })).status).toBe(200)
  })

  test('compressed bodies are taken, and bounded after inflation', async () => {
    const json = JSON.stringify({ event: { name: 'a', payload: 'x'.repeat(1_000) } })
    expect((await post({ raw: gzipSync(json), headers: { 'content-encoding': 'gzip' } })).status).toBe(200)
    expect((await post({ raw: deflateSync(json), headers: { 'content-encoding': 'deflate' } })).status).toBe(200)
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '))
    expect(bomb.length).toBeLessThan(1024 * 1024)
    expectProblem(await post({ raw: bomb, headers: { 'content-encoding': 'gzip' } }), 413, 'body_too_large')
    expectProblem(await post({ raw: 'no gzip', headers: { 'content-encoding': 'gzip' } }), 400, 'malformed_request')
    const cut = gzipSync(json).subarray(0, 30)
    expectProblem(await post({ raw: cut, headers: { 'content-encoding': 'gzip' } }), 400, 'malformed_request')
  })

  test('a connection goes on after a body that was refused half way', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const large = Buffer.alloc(6 * 1024 * 1024, 'x')
    const refused: [Buffer, Record<string, string>, number][] = [
      [large, {}, 413],
      [large, { 'transfer-encoding': 'chunked' }, 413],
      [large, { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' }, 400],
      [gzipSync(Buffer.alloc(50 * 1024 * 1024)), { 'content-encoding': 'gzip' }, 413],
      [large.subarray(0, 1024 * 1024), { 'content-encoding': 'deflate' }, 400],
      [large, { authorization: 'wrong' }, 401],
    ]
    for (const [body, headers, status] of refused) {
      expect(await sendOver(agent, body, headers)).toBe(status)
      expect(await sendOver(agent, Buffer.from(JSON.stringify(BODY)), {})).toBe(200)
    }
    agent.destroy()
  }, 20_000)

  test('malformed HTTP, headers that are too large and bodies that end early do no harm', async () => {
    expect(await sendBytes('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json/s)
    expect(await sendBytes(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
    const start = `POST ${EVENTS} HTTP/1.1\r\nhost: a\r\nauthorization: ${api.a.production.secretKey}\r\ncontent-type: application/json\r\n`
    await sendBytes(`${start}content-length: 100\r\n\r\n{"event"`, { endAfterMs: 50 })
    expect(await sendBytes(`${start}transfer-encoding: chunked\r\n\r\nzz\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
    const endless = `${start}transfer-encoding: chunked\r\n\r\n${'10000\r\n'.concat('x'.repeat(0x10000), '\r\n').repeat(100)}0\r\n\r\n`
    expect(await sendBytes(endless, { endAfterMs: 3_000 })).toMatch(/^HTTP\/1\.1 413 /)
    expect((await post({})).status).toBe(200)
  })

  test('an error that nobody expected tells nothing', async () => {
    const broken = await startTestApi({ LOG_LEVEL: 'error' })
    try {
      await broken.database.pool.query('alter table event_records rename to hidden')
      const answer = await broken.call('GET', EVENTS)
      expectProblem(answer, 500, 'internal')
      expect(answer.text).not.toMatch(/hidden|event_records|select|relation|\.ts|\.js/)
    } finally {
      await broken.stop()
    }
  })
})

describe('browsers', () => {
  const origin = 'https://example.com'

  test('may read an event from anywhere, also when it is refused', async () => {
    const ok = await post({})
    for (const [id, status] of [
      [String(ok.body['id']), 200],
      ['nowhere', 404],
    ] as const) {
      const answer = await api.call('GET', `${EVENTS}/${id}`, { key: api.a.production.publicKey, headers: { origin } })
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([status, '*'])
    }
    const unknown = await api.call('GET', `${EVENTS}/x`, { key: null, headers: { origin } })
    expect([unknown.status, unknown.headers.get('access-control-allow-origin')]).toEqual([401, '*'])
    const headers = {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    }
    const preflight = await api.call('OPTIONS', `${EVENTS}/x`, { key: null, headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET')
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization')
  })

  test('may not call what takes secret keys', async () => {
    const answer = await post({ headers: { origin } })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    const headers = { origin, 'access-control-request-method': 'POST' }
    const preflight = await api.call('OPTIONS', EVENTS, { key: null, headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
    expect(preflight.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST')
  })

  test('HEAD answers as GET does, without a body', async () => {
    const answer = await api.call('HEAD', EVENTS)
    expect([answer.status, answer.text ?? '']).toEqual([200, ''])
    expect((await api.call('HEAD', `${EVENTS}/nowhere`)).status).toBe(404)
  })
})

describe('operating', () => {
  test('health and metrics are on the same port unless they are given one', async () => {
    expect((await api.call('GET', '/health/live', { key: null })).status).toBe(200)
    // The API serves before its connection to Redis stands.
    const ready = await pollUntil(
      async () => {
        const answer = await api.call('GET', '/health/ready', { key: null })
        return answer.status === 200 ? answer : undefined
      },
      { what: 'the API to be ready' },
    )
    expect(ready.body).toMatchObject({ checks: { postgres: { status: 'ok' }, redis: { status: 'ok' } } })
    await post({})
    await post({ body: {} })
    const { text } = await api.call('GET', '/metrics', { key: null })
    expect(text).toMatch(/^signalbox_events_accepted_total\{.*\} [1-9]/m)
    expect(text).toMatch(/^signalbox_http_request_seconds_count\{.*route="\/api\/v1\/events".*\} [1-9]/m)
    expect(text).toMatch(/^signalbox_events_refused_total\{.*code="invalid".*\} [1-9]/m)
    expect(text).not.toContain(api.a.organizationId)
  })

  test('with a port of their own, metrics are there and not on the public one', async () => {
    const guarded = await startTestApi({ HEALTH_PORT: '0', HEALTH_HOST: '127.0.0.1' })
    try {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        expect((await guarded.call(method, '/metrics', { key: null })).status).toBe(404)
      }
      expect((await guarded.call('GET', '/health/ready?check=postgres', { key: null })).status).toBe(200)
      const own = `http://127.0.0.1:${guarded.healthPort}`
      expect(await (await fetch(`${own}/metrics`)).text()).toContain('signalbox_events_accepted_total')
      expect((await fetch(`${own}/health/ready?check=postgres`)).status).toBe(200)
      expect((await fetch(`${own}${EVENTS}`)).status).toBe(404)
    } finally {
      await guarded.stop()
    }
  })

  test('without Postgres every call is 503 with Retry-After', async () => {
    const dark = await startTestApi({ DATABASE_URL: 'postgresql://postgres@127.0.0.1:1/nothing' })
    try {
      for (const [method, path] of [
        ['POST', EVENTS],
        ['GET', EVENTS],
        ['GET', `${EVENTS}/x`],
      ] as const) {
        const answer = await dark.call(method, path, method === 'POST' ? { body: BODY } : {})
        expect(answer).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      }
      expect((await dark.call('GET', '/health/live')).status).toBe(200)
      expect((await dark.call('GET', '/health/ready')).status).toBe(503)
    } finally {
      await dark.stop()
    }
  })

  test('when Postgres drops all connections, requests are answered again at once', async () => {
    const { pool } = api.database
    await pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'signalbox-ingest-api'`,
    )
    const statuses = []
    for (let index = 0; index < 10; index += 1) statuses.push((await post({})).status)
    expect(statuses.at(-1)).toBe(200)
    expect(statuses.every((status) => status === 200 || status === 503)).toBe(true)
  })

  test('without Redis events are accepted', async () => {
    const dark = await startTestApi({ REDIS_URL: 'redis://127.0.0.1:1' })
    try {
      expect((await dark.call('POST', EVENTS, { body: BODY })).status).toBe(200)
      expect(await dark.database.prisma.eventOutbox.count()).toBe(1)
      expect((await dark.call('GET', '/health/ready')).status).toBe(503)
    } finally {
      await dark.stop()
    }
  })
})

/** Sends a body over an agent's connection and gives the status. */
function sendOver(agent: Agent, body: Buffer, headers: Record<string, string>): Promise<number> {
  const base = { authorization: api.a.production.secretKey, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const options = { agent, method: 'POST', headers: { ...base, ...headers } }
    const request = httpRequest(api.url + EVENTS, options, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Writes bytes to the API's port and gives what came back until it closed, or for a while. */
function sendBytes(bytes: string, { endAfterMs = 1_000 } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    let text = ''
    const timer = setTimeout(() => socket.destroy(), endAfterMs)
    socket.on('data', (data) => (text += data.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.write(bytes)
  })
}
