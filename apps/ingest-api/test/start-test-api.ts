import { randomBytes } from 'node:crypto'
import { createDatabase, type Database } from '@signalbox/db'
import { createTestDatabase, createTestRedis, seedTwoTenants, type TwoTenants } from '@signalbox/testkit'
import supertest from 'supertest'
import { checkDocumented } from './check-documented.js'
import { configSchema, type IngestApiConfig, startIngestApi } from '../src/compose.js'

/** The API as in production, on a database and a Redis prefix of its own. */
export interface TestApi extends TwoTenants {
  url: string
  /** The port of health and metrics, when they have one. */
  healthPort: number | undefined
  config: IngestApiConfig
  database: Database
  databaseUrl: string
  /** Sends a request with tenant A's production key, unless told otherwise. */
  call(method: string, path: string, options?: CallOptions): Promise<ApiAnswer>
  stop(): Promise<void>
}

/** How a test's request differs from the usual. */
export interface CallOptions {
  key?: string | null
  body?: unknown
  /** Sent instead of `body`, byte for byte. */
  raw?: string | Buffer
  headers?: Record<string, string>
}

/** An answer, its body parsed when it is JSON. */
export interface ApiAnswer {
  status: number
  headers: Headers
  text: string
  // Tests look into bodies of any form.
  body: Record<string, unknown> & { [index: number]: Record<string, unknown> }
}

/** Starts the API; `change` alters its configuration. */
export async function startTestApi(change: Partial<Record<keyof IngestApiConfig, string>> = {}): Promise<TestApi> {
  const { databaseUrl, drop } = await createTestDatabase()
  const redis = createTestRedis()
  const tenants = await seedTwoTenants({ databaseUrl })
  const config = configSchema.parse({
    LOG_LEVEL: 'error',
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.redisUrl,
    REDIS_PREFIX: redis.prefix,
    SECRETS_MASTER_KEYS: `test:${randomBytes(32).toString('base64')}`,
    ...change,
  })
  const api = await startIngestApi(config)
  const database = createDatabase({ url: databaseUrl, poolMax: 4 })
  return {
    ...tenants,
    url: api.url,
    healthPort: api.healthPort,
    config,
    database,
    databaseUrl,
    call: (method, path, options = {}) =>
      call(api.url + path, method, { key: tenants.a.production.secretKey, ...options }),
    async stop() {
      await api.stop()
      await database.close()
      await redis.clear()
      await drop()
    },
  }
}

const METHODS: Record<string, 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options'> = {
  POST: 'post',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'delete',
  HEAD: 'head',
  OPTIONS: 'options',
}

async function call(url: string, method: string, { key, body, raw, headers = {} }: CallOptions): Promise<ApiAnswer> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const { origin } = new URL(url)
  const request = supertest(origin)[METHODS[method] ?? 'get'](url.slice(origin.length)).set(headers)
  if (typeof key === 'string' && headers['authorization'] === undefined) request.set('authorization', `Bearer ${key}`)
  if (content !== undefined && headers['content-type'] === undefined) request.set('content-type', 'application/json')
  // A serializer of our own: what is sent is what was given, byte for byte.
  const response = await request.serialize((given: unknown) => given as string).send(content as string | undefined)
  const answer = {
    status: response.status,
    headers: new Headers(response.headers),
    text: response.text,
    body: response.body,
  }
  checkDocumented(method, url.slice(origin.length), answer)
  return answer
}
