import type { RequestListener } from 'node:http'
import {
  checkMigrated,
  createAcceptStore,
  createAccountStore,
  createDatabase,
  createDeliveryStore,
  createDispatcherStore,
  createEndpointStore,
  createEventStore,
  createKeyStore,
  createSecretBox,
  type Database,
} from '@signalbox/db'
import { checkNewTarget, createHostLookup, parseEgressAllow } from '@signalbox/egress'
import { type AcceptEvents, createAcceptEvents } from '@signalbox/pipeline'
import { createProducerConnection, createQueues, type Queues } from '@signalbox/queue'
import {
  type AppContext,
  createAcceptMetrics,
  createHealthHandlers,
  createHealthServer,
  createHttpMetrics,
  createLifecycle,
  createLogger,
  createMetrics,
  type HealthOptions,
  type Lifecycle,
  type Logger,
  type Metrics,
} from '@signalbox/runtime'
import type { ApiDeps } from './api-deps.js'
import { createAuthenticator } from './auth/create-authenticator.js'
import { createMissLimiter } from './auth/create-miss-limiter.js'
import { createRateLimiter } from './auth/create-rate-limiter.js'
import type { IngestApiConfig } from './config.js'
import { mountDocs } from './docs/mount-docs.js'
import { createApp } from './http/create-app.js'
import { createBodyBudget } from './http/create-body-budget.js'
import { createRouteTimer } from './http/create-route-timer.js'
import { type RunningServer, startHttpServer } from './http/create-http-server.js'
import { postEvent } from './routes/events/post-event.js'
import { postEventsBulk } from './routes/events/post-events-bulk.js'
import { routes } from './routes/index.js'

export { configSchema, type IngestApiConfig } from './config.js'

/** A caller hears within seconds that storage is in trouble. The workers, for whom nobody waits, have longer. */
const STATEMENT_TIMEOUT_MS = 8_000

/** Environments whose rate is remembered; one that is forgotten begins with a full bucket. */
const RATED_ENVIRONMENTS_MAX = 10_000

const SENDING_OPERATIONS: ReadonlySet<string> = new Set([postEvent.operationId, postEventsBulk.operationId])

/** Wires the API: HTTP → accept → Postgres → queue `deliver`. The port is known when the lifecycle has started. */
export function composeIngestApi({ config, logger, lifecycle }: AppContext<IngestApiConfig>): {
  readPort: () => number
  readHealthPort: () => number | undefined
} {
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: 'signalbox-ingest-api',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    onIdleError: (error) => logger.warn('postgres.trouble', { error }),
  })
  const redis = createProducerConnection({
    url: config.REDIS_URL,
    onError: (error) => logger.warn('redis.trouble', { error }),
  })
  const queues = createQueues(redis, config.REDIS_PREFIX)
  const metrics = createMetrics({ service: 'ingest-api' })
  const counters = createAcceptMetrics(metrics)
  const accepting = composeAccept({ database, queues, counters, logger })
  const health: HealthOptions = {
    metrics,
    checks: { postgres: () => checkMigrated(database.pool), redis: () => queues.ping() },
    isStopping: () => lifecycle.isStopping(),
  }
  const api = composeDeps({ config, database, queues, logger, acceptEvents: accepting.accept })
  const app = composeApp({ config, database, metrics, counters, logger, health, api })

  let server: RunningServer | undefined
  lifecycle.add({ name: 'postgres', stop: () => database.close() })
  lifecycle.add({ name: 'redis', stop: () => redis.disconnect() })
  lifecycle.add({ name: 'queues', stop: () => queues.close() })
  lifecycle.add({ name: 'accept', stop: () => accepting.drain() })
  const readHealthPort = addHealthServer({ config, lifecycle, health })
  lifecycle.add({
    name: 'http',
    start: async () => {
      server = await startHttpServer(app, { port: config.PORT, host: config.HOST })
      logger.info('http.listening', { host: config.HOST, port: server.port })
    },
    stop: () => server?.stop(),
  })
  return { readPort: () => server?.port ?? 0, readHealthPort }
}

/** Metrics tell strangers how busy an installation is: with a port of their own they are not on the public one. */
function addHealthServer({ config, lifecycle, health }: HealthParts): () => number | undefined {
  if (config.HEALTH_PORT === undefined) return () => undefined
  const server = createHealthServer({ ...health, port: config.HEALTH_PORT, host: config.HEALTH_HOST })
  let port: number | undefined
  lifecycle.add({ name: 'health', start: async () => void (port = await server.start()), stop: () => server.stop() })
  return () => port
}

interface HealthParts {
  config: IngestApiConfig
  lifecycle: Lifecycle
  health: HealthOptions
}

/** Composes and starts the API in this process, as tests do. */
export async function startIngestApi(config: IngestApiConfig): Promise<{
  url: string
  port: number
  healthPort: number | undefined
  stop: () => Promise<void>
}> {
  const logger = createLogger({ service: 'ingest-api', level: config.LOG_LEVEL })
  const lifecycle = createLifecycle({ logger, graceMs: config.SHUTDOWN_GRACE_MS })
  const { readPort, readHealthPort } = composeIngestApi({ config, logger, lifecycle })
  await lifecycle.start()
  const port = readPort()
  const host = config.HOST === '0.0.0.0' ? '127.0.0.1' : config.HOST
  return {
    url: `http://${host}:${port}`,
    port,
    healthPort: readHealthPort(),
    stop: async () => void (await lifecycle.stop('asked to')),
  }
}

type AcceptMetrics = ReturnType<typeof createAcceptMetrics>

interface AcceptParts {
  database: Database
  queues: Queues
  counters: AcceptMetrics
  logger: Logger
}

function composeAccept({ database, queues, counters, logger }: AcceptParts): ReturnType<typeof createAcceptEvents> {
  const store = createAcceptStore(database)
  return createAcceptEvents({
    store,
    accounts: store,
    queue: queues,
    onAccepted: ({ events, requests, durationMs }) => {
      counters.eventsAccepted.inc(events)
      counters.acceptGroupRows.observe(events)
      counters.acceptGroupSeconds.observe(durationMs / 1_000)
      logger.info('event.accepted', { events, requests, durationMs: Math.round(durationMs) })
    },
    onPublishFailed: (error, count) => {
      counters.publishFailures.inc()
      logger.warn('event.publish_failed', { error, count })
    },
  })
}

interface DepsParts {
  config: IngestApiConfig
  database: Database
  queues: Queues
  logger: Logger
  acceptEvents: AcceptEvents
}

function composeDeps({ config, database, queues, logger, acceptEvents }: DepsParts): ApiDeps {
  const secretBox = createSecretBox(config.SECRETS_MASTER_KEYS)
  return {
    acceptEvents,
    events: createEventStore(database),
    accounts: createAccountStore(database.prisma),
    dispatchers: createDispatcherStore(database.prisma, secretBox),
    endpoints: createEndpointStore(database.prisma, secretBox),
    deliveries: createDeliveryStore(database.prisma),
    checkTarget: composeTargetCheck(config.EGRESS_ALLOW),
    publishDispatch: (deliveries) => queues.publishDispatch(deliveries),
    eventRates: createRateLimiter(RATED_ENVIRONMENTS_MAX),
    misses: createMissLimiter(config.MISSES_PER_MINUTE),
    logger,
  }
}

function composeTargetCheck(egressAllow: string): ApiDeps['checkTarget'] {
  const parsed = parseEgressAllow(egressAllow)
  if (!parsed.ok) throw new Error(parsed.message)
  const guard = { allow: parsed.allow, lookup: createHostLookup({ allow: parsed.allow }) }
  return (url) => checkNewTarget(url, guard)
}

interface AppParts {
  config: IngestApiConfig
  database: Database
  metrics: Metrics
  counters: AcceptMetrics
  logger: Logger
  health: HealthOptions
  api: ApiDeps
}

function composeApp({ config, database, metrics, counters, logger, health, api }: AppParts): RequestListener {
  return createApp({
    routes,
    api,
    logger,
    health: createHealthHandlers(health),
    healthRoutes: config.HEALTH_PORT === undefined ? ['live', 'ready', 'metrics'] : ['live', 'ready'],
    bodyBudget: createBodyBudget(config.BODY_BYTES_AT_ONCE_MAX),
    authenticate: createAuthenticator({
      keys: createKeyStore(database),
      failuresPerMinute: config.AUTH_FAILURES_PER_MINUTE,
    }),
    trustedProxies: config.TRUSTED_PROXIES,
    onAnswered: createRouteTimer(createHttpMetrics(metrics).requestSeconds),
    onProblem: ({ operationId }, code) => {
      if (!SENDING_OPERATIONS.has(operationId)) return
      counters.eventsRefused.inc({ code })
      logger.info('event.refused', { operation: operationId, code })
    },
    mountDocs,
  })
}
