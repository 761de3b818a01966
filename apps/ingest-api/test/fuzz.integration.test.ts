import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { PROBLEM_MEDIA_TYPE, problemSchema } from '@signalbox/api-contract'
import type { Route } from '../src/route.js'
import { routes } from '../src/routes/index.js'
import { startTestApi, type TestApi } from './start-test-api.js'

/** Set FUZZ_SEED to repeat or to vary a run; it is printed when something fails. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_120)
const REQUESTS = 2_400
const RAW_REQUESTS = 150
const PARALLEL = 8

/** What no answer may hold: stacks, file names, SQL and the words of Postgres and of our libraries. */
const LEAKS =
  /\bat [\w.<>]+ \(|\.(?:ts|js|mjs):\d+|node_modules|\bselect\b.+\bfrom\b|insert into|event_records|pg_catalog|syntax error at|violates|prisma|zoderror|typeerror|rangeerror/i

/** Something like a body for each operation, so that faults are found below the surface too. */
const SAMPLES: Record<string, unknown> = {
  sendEvent: {
    event: {
      name: 'a',
      payload: { a: [1, { b: null }] },
      context: {},
      timestamp: '2026-01-01',
      source: 's',
      payloadType: 'REQUEST',
    },
    options: { deliverAt: '2026-01-01', deliverAfter: 5, accountId: 'acc', test: true, orderingKey: 'k' },
  },
  sendEvents: {
    events: [{ name: 'a', payload: 1 }, { name: 'b' }],
    options: { deliverAfter: 1 },
  },
  replayEvent: { dispatcherId: '0191d7c8-0000-7000-8000-000000000001' },
  createAccount: { identifier: 'someone', metadata: { a: 1 } },
  changeAccount: { metadata: { a: 1 } },
  putAccount: { metadata: { a: 1 } },
  createEventDispatcher: {
    event: ['a', 'b.*'],
    source: 's',
    payloadFilter: { a: [1, 2], b: [{ $gt: 1 }], c: { d: [{ $anythingBut: 'x' }] } },
    contextFilter: { $or: [{ a: ['x'] }] },
    manual: false,
    enabled: true,
    accountId: 'acc',
    dispatchableId: 'd',
    dispatchable: { type: 'WEBHOOK', id: '0191d7c8-0000-7000-8000-000000000001' },
  },
  createEphemeralEventDispatcher: { url: 'https://8.8.8.8/x', name: ['a'], timeoutInSeconds: 60, filter: { a: [1] } },
  changeEventDispatcher: { event: 'a', payloadFilter: null, enabled: false },
  testEventDispatcher: { event: { name: 'a', payload: { a: 1 } }, filter: { a: [{ $between: [1, 2] }] } },
  createWebhookEndpoint: {
    url: 'https://8.8.8.8/x',
    events: ['a'],
    description: 'd',
    headers: { 'x-a': 'b' },
    timeoutMs: 5000,
  },
  changeWebhookEndpoint: { url: 'https://8.8.8.8/y', enabled: true, retryPolicy: { delaysMs: [1000] } },
  rotateWebhookSecret: { overlapSeconds: 5 },
}

let api: TestApi
const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL })

beforeAll(async () => {
  api = await startTestApi({ AUTH_FAILURES_PER_MINUTE: '100000' })
})

afterAll(async () => {
  agent.destroy()
  await api?.stop()
})

test(`no request, however hostile, breaks the API (seed ${SEED})`, async () => {
  const random = createRandom(SEED)
  // Sending is what strangers do most.
  const targets = [...routes, ...Array.from({ length: 5 }, () => routes.slice(0, 2)).flat()]
  const attacks = Array.from({ length: REQUESTS }, (_, index) =>
    createAttack(random, targets[index % targets.length] as Route),
  )
  const accepted = new Set<string>()
  const statuses = new Map<number, number>()
  const queue = attacks.values()
  const work = async (): Promise<void> => {
    for (const attack of queue) {
      const reply = await send(attack)
      try {
        judge(attack, reply)
      } catch (error) {
        const { body, ...shown } = attack
        throw new Error(`seed ${SEED}: ${JSON.stringify(shown)} ${body?.toString().slice(0, 500)}`, { cause: error })
      }
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      for (const id of idsOf(attack, reply)) accepted.add(id)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  const bytes = Array.from({ length: RAW_REQUESTS }, () => createBytes(random)).values()
  const workRaw = async (): Promise<void> => {
    for (const one of bytes) expectRefusal(await sendBytes(one))
  }
  await Promise.all(Array.from({ length: PARALLEL }, workRaw))

  // The attacks reached far enough to mean something.
  for (const status of [200, 400, 401, 403, 404, 405, 413, 415, 422])
    expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0])
  expect(await api.database.prisma.eventRecord.count()).toBe(accepted.size)
  expect(accepted.size).toBeGreaterThan(20)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect((await api.call('POST', '/api/v1/events', { body: { event: { name: 'alive' } } })).status).toBe(200)
}, 180_000)

interface Attack {
  route: string
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer | undefined
}

interface Reply {
  status: number
  type: string
  text: string
}

type Random = () => number

/** Mulberry32: small, and the same everywhere. */
function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item

const TEXTS = [
  '',
  ' ',
  'a',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  '😀',
  'é',
  '__proto__',
  'constructor',
  "' or 1=1 --",
  '"; \\',
  '%s%n',
  '../../etc',
  'x'.repeat(256),
  'y'.repeat(5_000),
  '2026-02-30',
  '+275760-09-13T00:00:00.000Z',
  '0000-00-00',
  '99999-01-01',
  'NaN',
  'null',
  '*',
  'a.*',
  '-1',
  '1e999',
  '\u202e',
  '\n\r\t',
  '0191d7c8-0000-7000-8000-000000000001',
  '{"a":1}',
  '[',
  'c1.YQ',
  '0x10',
  '9'.repeat(400),
  'Infinity',
] as const

function nest(depth: number, leaf: unknown): unknown {
  let value = leaf
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

function createValue(random: Random): unknown {
  const texts = pick(random, TEXTS)
  return pick<() => unknown>(random, [
    () => texts,
    () => texts,
    () => pick(random, [0, -0, -1, 1.5, 1e308, -1e308, 2 ** 53, 9e15, 5e-324, 8.64e15, -8.64e15, 2147483648]),
    () => pick(random, [null, true, false]),
    () => [],
    () => ({}),
    () => nest(pick(random, [3, 63, 64, 65, 66, 70, 500, 3_000]), texts),
    () => JSON.parse(`{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}`),
    () => Array.from({ length: 20 }, () => texts),
    () => ({ [texts]: texts, $gt: texts, $or: [] }),
    () => 'z'.repeat(600_000),
  ])()
}

/** Replaces or adds one value somewhere in a copy. */
function mutate(random: Random, sample: unknown): unknown {
  if (typeof sample !== 'object' || sample === null || random() < 0.15) return createValue(random)
  const copy = (Array.isArray(sample) ? [...sample] : { ...sample }) as Record<string, unknown>
  const keys = Object.keys(copy)
  if (keys.length === 0 || random() < 0.1) {
    if (Array.isArray(copy)) copy.push(createValue(random))
    else Object.defineProperty(copy, pick(random, TEXTS), { value: createValue(random), enumerable: true })
    return copy
  }
  const key = pick(random, keys)
  if (random() < 0.1 && !Array.isArray(copy)) delete copy[key]
  else copy[key] = mutate(random, copy[key])
  return copy
}

function createBody(random: Random, sample: unknown): Buffer {
  const mutated = (): string => JSON.stringify(mutate(random, mutate(random, sample))) ?? 'null'
  const text = pick<() => string>(random, [
    () => JSON.stringify(sample),
    mutated,
    mutated,
    mutated,
    mutated,
    mutated,
    mutated,
    () => mutated().slice(0, -1 - Math.floor(random() * 10)),
    () =>
      pick(random, [
        '',
        '{',
        '[]',
        'null',
        '"',
        '{"a":1e999}',
        '[1e400]',
        '{"event":{"name":"a","payload":1e400}}',
        'undefined',
        '\ufeff{}',
      ]),
    () => '['.repeat(pick(random, [100, 100_000])),
    () => `{"event":{"name":"a","payload":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}}`,
  ])()
  const bytes = Buffer.from(text)
  if (random() < 0.03) return Buffer.concat([bytes.subarray(0, bytes.length >> 1), Buffer.from([0xff, 0xc0]), bytes])
  return random() < 0.004 ? Buffer.alloc(6 * 1024 * 1024, ' ') : bytes
}

function encode(random: Random, text: string): string {
  const plain = text.replaceAll(/\p{Cs}/gu, '')
  return random() < 0.06
    ? pick(random, ['%', '%zz', '%00', '%ff%fe', '%ED%A0%80', '%2e%2e%2f'])
    : encodeURIComponent(plain)
}

function createPath(random: Random, route: Route): string {
  const path = route.path.replaceAll(/:\w+/g, () => encode(random, pick(random, TEXTS)) || 'x')
  if (random() < 0.03) return pick(random, [`${path}/more`, `/${path}`, path.toUpperCase(), `${path}%`, '/api/v1', '*'])
  const names = route.query === undefined ? ['a'] : Object.keys((route.query as unknown as { shape: object }).shape)
  const pairs = Array.from({ length: Math.floor(random() * 4) }, () => {
    const name = random() < 0.85 ? pick(random, names) : encode(random, pick(random, TEXTS))
    return `${name}=${encode(random, pick(random, TEXTS).slice(0, 900))}`
  })
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

function createAttack(random: Random, route: Route): Attack {
  const keys = [
    api.a.production.secretKey,
    api.b.production.secretKey,
    api.a.production.publicKey,
    'tr_dev_x',
    '',
    'x'.repeat(5_000),
  ]
  const key = random() < 0.9 ? keys[0] : pick(random, keys)
  const headers: Record<string, string> = { authorization: `Bearer ${key}` }
  if (random() < 0.03) delete headers['authorization']
  const method =
    random() < 0.95 ? route.method : pick(random, ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'POST', 'TRACE'])
  const isBodied = method !== 'GET' && method !== 'HEAD' && method !== 'TRACE'
  const body = isBodied && random() < 0.97 ? createBody(random, SAMPLES[route.operationId] ?? {}) : undefined
  if (body !== undefined) {
    headers['content-type'] =
      random() < 0.94
        ? 'application/json'
        : pick(random, ['text/plain', 'application/xml', ';', 'application/json; charset=utf-16'])
  }
  if (random() < 0.05) headers['content-encoding'] = pick(random, ['gzip', 'deflate', 'br', 'nonsense', 'identity'])
  if (random() < 0.06) headers['idempotency-key'] = pick(random, ['k', 'k'.repeat(300), 'a b', 'x'])
  if (random() < 0.05)
    headers['traceparent'] = pick(random, [
      '00-',
      'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'z'.repeat(900),
    ])
  if (random() < 0.03) headers['x-forwarded-for'] = pick(random, ['1.2.3.4', ',,,', '::::'])
  return { route: route.operationId, method, path: createPath(random, route), headers, body }
}

function send(attack: Attack): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(api.url)
    const { method, path, headers } = attack
    const request = httpRequest({ agent, hostname, port, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const type = response.headers['content-type'] ?? ''
        resolve({ status: response.statusCode ?? 0, type, text: Buffer.concat(chunks).toString() })
      })
    })
    request.on('error', reject)
    request.end(attack.body)
  })
}

function judge({ method }: Attack, { status, type, text }: Reply): void {
  expect(status).toBeGreaterThanOrEqual(200)
  expect([status, text.slice(0, 300)]).toEqual([Math.min(status, 499), expect.any(String)])
  if (status < 400 || method === 'HEAD') return
  expect(type).toBe(PROBLEM_MEDIA_TYPE)
  const problem = problemSchema.parse(JSON.parse(text))
  expect(problem.status).toBe(status)
  expect(text.length).toBeLessThan(20_000)
  expect(text).not.toMatch(LEAKS)
}

/** The events that an answer says are stored, each with the tenant it belongs to. */
function idsOf({ route, method, headers }: Attack, { status, text }: Reply): string[] {
  if (method !== 'POST' || (route !== 'sendEvent' && route !== 'sendEvents')) return []
  if (status !== 200 && status !== 207) return []
  const answer = JSON.parse(text) as { id?: string; event?: { id: string } } | { id?: string; event?: { id: string } }[]
  const items = Array.isArray(answer) ? answer : [answer]
  return items.flatMap((item) => item.id ?? item.event?.id ?? []).map((id) => `${headers['authorization']} ${id}`)
}

function createBytes(random: Random): string {
  return pick<() => string>(random, [
    () => '\0\0\0\0\r\n\r\n',
    () =>
      `${pick(random, ['GET', 'POST', 'FOO', 'get'])} ${pick(random, ['/', 'x', '/\0', '/\u00ff'])} HTTP/${pick(random, ['1.1', '9.9', '2.0'])}\r\n\r\n`,
    () =>
      `POST /api/v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: ${pick(random, ['-1', 'x', '1e9', '99999999999999999999'])}\r\n\r\n`,
    () => `POST /api/v1/events HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
    () => `GET / HTTP/1.1\r\nhost: a\r\n${pick(random, TEXTS)}: ${pick(random, TEXTS)}\r\nbad header\r\n\r\n`,
    () => `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    () => `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(5_000)}\r\n`,
  ])()
}

function expectRefusal(text: string): void {
  // Nothing at all is a connection that was closed on nonsense.
  expect(text).toMatch(/^(?:$|HTTP\/1\.1 [24]\d\d )/)
  expect(text).not.toMatch(LEAKS)
}

function sendBytes(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    let text = ''
    const timer = setTimeout(() => socket.destroy(), 300)
    socket.on('data', (data) => {
      text += data.toString()
      if (text.startsWith('HTTP/')) socket.end()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.write(bytes, 'latin1')
  })
}
