import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { checkMigrated, createDatabase, createDispatchStore, createSecretBox } from '@signalbox/db'
import { createSender, createSigner, parseEgressAllow, type Sender, type Signer } from '@signalbox/egress'
import { createDispatchDeliveries, type DispatchablePorts } from '@signalbox/pipeline'
import { createDispatchWorker, createProducerConnection, createQueues, createWorkerConnection } from '@signalbox/queue'
import {
  type AppContext,
  childTraceparent,
  createDispatchMetrics,
  createHealthServer,
  createMetrics,
  parseTraceparent,
} from '@signalbox/runtime'
import type { DispatcherWorkerConfig } from './config.js'
import { createObserver } from './create-observer.js'

export { configSchema, type DispatcherWorkerConfig } from './config.js'

/**
 * Several endpoints may share an origin, of one tenant or of many: their lanes bound each of them, so the sockets of an
 * origin have to hold more than one lane's places.
 */
const SOCKETS_PER_ORIGIN_MAX = 256

/** Wires the dispatcher-worker: queue `dispatch` → guarded HTTP → attempts recorded. */
export function composeDispatcherWorker({ config, logger, lifecycle }: AppContext<DispatcherWorkerConfig>): void {
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: 'signalbox-dispatcher-worker',
  })
  const onError = (error: Error): void => void logger.warn('redis.trouble', { error })
  const producer = createProducerConnection({ url: config.REDIS_URL, onError })
  const consumer = createWorkerConnection({ url: config.REDIS_URL, onError })
  const queues = createQueues(producer, config.REDIS_PREFIX)
  const metrics = createMetrics({ service: 'dispatcher-worker' })
  const counters = createDispatchMetrics(metrics, () => dispatching.countInFlight())
  const sender = createSender({ allow: readAllow(config.EGRESS_ALLOW), socketsPerOriginMax: SOCKETS_PER_ORIGIN_MAX })
  const observer = createObserver(logger, counters)
  const dispatching = createDispatchDeliveries({
    store: createDispatchStore(database, createSecretBox(config.SECRETS_MASTER_KEYS)),
    queue: queues,
    ports: createPorts(sender),
    random: Math.random,
    inFlightMax: config.DISPATCH_IN_FLIGHT_MAX,
    jobsMax: config.DISPATCH_JOBS_MAX,
    observer,
  })
  const worker = createDispatchWorker(
    {
      connection: consumer,
      prefix: config.REDIS_PREFIX,
      concurrency: config.DISPATCH_JOBS_MAX,
      onTrouble: (what, error) => logger.warn('dispatch.trouble', { what, error }),
    },
    (refs, job) => dispatching.dispatch(refs, job),
  )
  const health = createHealthServer({
    port: config.HEALTH_PORT,
    host: config.HEALTH_HOST,
    metrics,
    checks: { postgres: () => checkMigrated(database.pool), redis: () => queues.ping() },
    isStopping: () => lifecycle.isStopping(),
  })
  lifecycle.add({ name: 'postgres', stop: () => database.close() })
  lifecycle.add({ name: 'redis', stop: () => [producer, consumer].forEach((redis) => redis.disconnect()) })
  lifecycle.add({ name: 'queues', stop: () => queues.close() })
  lifecycle.add({ name: 'egress', stop: () => sender.close() })
  lifecycle.add({ name: 'health', start: () => health.start(), stop: () => health.stop() })
  lifecycle.add({ name: 'observer', stop: () => observer.flush() })
  lifecycle.add({ name: 'attempts', stop: () => dispatching.drain() })
  lifecycle.add({ name: 'worker', start: () => worker.start(), stop: () => worker.stop() })
}

function readAllow(text: string) {
  const parsed = parseEgressAllow(text)
  if (!parsed.ok) throw new Error(`EGRESS_ALLOW: ${parsed.message}`)
  return parsed.allow
}

function createPorts(sender: Sender): DispatchablePorts {
  // The secrets of a target are one array for all deliveries of its queue job: they are read once.
  const signers = new WeakMap<string[], Signer>()
  return {
    send: (request) => sender.send(request),
    sign: ({ secrets, ...message }) => {
      let signer = signers.get(secrets)
      if (signer === undefined) {
        signer = createSigner(secrets)
        signers.set(secrets, signer)
      }
      return { ...signer(message) }
    },
    continueTrace: (traceParent) => {
      const parent = parseTraceparent(traceParent)
      return parent === undefined ? undefined : childTraceparent(parent, randomBytes)
    },
    now: () => new Date(),
    userAgent: `Signalbox/${readVersion()}`,
  }
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}
