import { createDatabase, type Database } from '@signalbox/db'
import { composeDeliverWorker, configSchema as deliverConfigSchema } from '@signalbox/deliver-worker'
import { composeDispatcherWorker, configSchema as dispatcherConfigSchema } from '@signalbox/dispatcher-worker'
import { composeIngestApi, configSchema as apiConfigSchema } from '@signalbox/ingest-api'
import { createLifecycle, createLogger, type Lifecycle } from '@signalbox/runtime'
import { composeScheduler, configSchema as schedulerConfigSchema } from '@signalbox/scheduler'
import {
  createReceiver,
  createTestDatabase,
  createTestRedis,
  type Receiver,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TwoTenants,
} from '@signalbox/testkit'

/** All four apps as production composes them, in one process, with a receiver and a database of their own. */
export interface RunningApps extends TwoTenants {
  apiUrl: string
  database: Database
  receiver: Receiver
  /** A request with tenant A's production key, unless told otherwise. */
  call(
    method: string,
    path: string,
    options?: { body?: unknown; key?: string; headers?: Record<string, string> },
  ): Promise<Answer>
  /** Makes a webhook endpoint at a path of the receiver. */
  subscribe(path: string, more?: Record<string, unknown>, key?: string): Promise<Subscribed>
  stop(): Promise<void>
}

/** An answer of the API. */
export interface Answer {
  status: number
  body: JsonBody
}

/** A JSON object whose form a test knows. */
export interface JsonBody {
  readonly [key: string]: unknown
  readonly id: string
  readonly data: JsonBody[]
  readonly deliverAt: string
  readonly secret: string
}

/** A webhook endpoint that was made, with the secret that is shown once. */
export interface Subscribed {
  id: string
  secret: string
  dispatcherId: string
}

/** Starts them; `change` alters their configuration. */
export async function startApps(change: Record<string, string> = {}): Promise<RunningApps> {
  const { databaseUrl, drop } = await createTestDatabase()
  const redis = createTestRedis()
  const receiver = await createReceiver()
  const tenants = await seedTwoTenants({ databaseUrl })
  const environment = {
    LOG_LEVEL: 'error',
    PORT: '0',
    HOST: '127.0.0.1',
    HEALTH_PORT: '0',
    HEALTH_HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.redisUrl,
    REDIS_PREFIX: redis.prefix,
    SECRETS_MASTER_KEYS: TEST_MASTER_KEYS,
    EGRESS_ALLOW: '127.0.0.0/8',
    SCHEDULE_INTERVAL_MS: '100',
    ...change,
  }
  const open = (service: string) => {
    const logger = createLogger({ service, level: 'error' })
    return { logger, lifecycle: createLifecycle({ logger }) }
  }
  const [api, deliver, dispatcher, scheduler] = ['api', 'deliver', 'dispatcher', 'scheduler'].map(open) as [
    Opened,
    Opened,
    Opened,
    Opened,
  ]
  const { readPort } = composeIngestApi({ config: apiConfigSchema.parse(environment), ...api })
  composeDeliverWorker({ config: deliverConfigSchema.parse(environment), ...deliver })
  composeDispatcherWorker({ config: dispatcherConfigSchema.parse(environment), ...dispatcher })
  composeScheduler({ config: schedulerConfigSchema.parse(environment), ...scheduler })
  const all = [api, deliver, dispatcher, scheduler]
  for (const app of all) await app.lifecycle.start()

  const apiUrl = `http://127.0.0.1:${readPort()}`
  const database = createDatabase({ url: databaseUrl, poolMax: 4 })
  const call: RunningApps['call'] = (method, path, options = {}) =>
    callApi(apiUrl + path, method, { key: tenants.a.production.secretKey, ...options })
  return {
    ...tenants,
    apiUrl,
    database,
    receiver,
    call,
    subscribe: async (path, more = {}, key = tenants.a.production.secretKey) => {
      const body = { url: receiver.url + path, events: ['*'], ...more }
      const answer = await call('POST', '/api/v1/webhook-endpoints', { body, key })
      if (answer.status !== 200 && answer.status !== 201) throw new Error(JSON.stringify(answer))
      const { rows } = await database.pool.query<{ id: string }>(
        'select id from event_dispatchers where dispatchable_id = $1 and deleted_at is null',
        [answer.body.id],
      )
      return { id: answer.body.id, secret: answer.body.secret, dispatcherId: rows[0]?.id ?? '' }
    },
    stop: async () => {
      for (const app of all) await app.lifecycle.stop('the test is over')
      await receiver.close()
      await database.close()
      await redis.clear()
      await drop()
    },
  }
}

interface Opened {
  logger: ReturnType<typeof createLogger>
  lifecycle: Lifecycle
}

async function callApi(
  url: string,
  method: string,
  { body, key, headers }: { body?: unknown; key?: string; headers?: Record<string, string> },
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as JsonBody }
}
