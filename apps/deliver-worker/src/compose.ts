import type { EventRef } from '@signalbox/domain'
import { checkMigrated, createDatabase, createDeliverStore } from '@signalbox/db'
import { createDeliverEvents, type DeliverCounts, type DeliverObserver } from '@signalbox/pipeline'
import { createDeliverWorker, createProducerConnection, createQueues, createWorkerConnection } from '@signalbox/queue'
import {
  type AppContext,
  createDeliverMetrics,
  createHealthServer,
  createMetrics,
  type Logger,
} from '@signalbox/runtime'
import type { DeliverWorkerConfig } from './config.js'
import { createHeapWatch } from './create-heap-watch.js'

export { configSchema, type DeliverWorkerConfig } from './config.js'

/** Wires the deliver-worker: queue `deliver` → match → deliveries → queue `dispatch`. */
export function composeDeliverWorker({ config, logger, lifecycle }: AppContext<DeliverWorkerConfig>): {
  deliver: (refs: EventRef[]) => Promise<DeliverCounts>
} {
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: 'signalbox-deliver-worker',
  })
  const onError = (error: Error): void => void logger.warn('redis.trouble', { error })
  const producer = createProducerConnection({ url: config.REDIS_URL, onError })
  const consumer = createWorkerConnection({ url: config.REDIS_URL, onError })
  const queues = createQueues(producer, config.REDIS_PREFIX)
  const metrics = createMetrics({ service: 'deliver-worker' })
  const delivering = createDeliverEvents({
    store: createDeliverStore(database),
    queue: queues,
    now: () => new Date(),
    matchersBytesMax: config.DELIVER_MATCHERS_BYTES_MAX,
    observer: createObserver(logger, (counts, seconds) => count(counts, seconds)),
  })
  const counters = createDeliverMetrics(metrics, delivering.stats)
  const count = (counts: DeliverCounts, seconds: number): void => {
    counters.eventsDelivered.inc(counts.events - counts.failed)
    counters.eventsSetAside.inc(counts.failed)
    counters.deliveriesCreated.inc(counts.deliveries)
    counters.fanoutLimited.inc(counts.fanoutLimited)
    counters.deliverSeconds.observe(seconds)
  }
  const worker = createDeliverWorker(
    {
      connection: consumer,
      prefix: config.REDIS_PREFIX,
      concurrency: config.DELIVER_JOBS_MAX,
      onTrouble: (what, error) => logger.warn('deliver.trouble', { what, error }),
    },
    delivering.deliver,
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
  lifecycle.add({ name: 'health', start: () => health.start(), stop: () => health.stop() })
  lifecycle.add({ name: 'parked events', stop: () => delivering.stop() })
  const heapWatch = createHeapWatch({ readBytes: () => delivering.stats().bytes })
  lifecycle.add({ name: 'heap', start: () => heapWatch.start(), stop: () => heapWatch.stop() })
  lifecycle.add({ name: 'worker', start: () => worker.start(), stop: () => worker.stop() })
  return { deliver: delivering.deliver }
}

/** Says what happens to events and to the dispatchers in memory. */
function createObserver(logger: Logger, count: (counts: DeliverCounts, seconds: number) => void): DeliverObserver {
  return {
    onDelivered: (counts, durationMs) => {
      count(counts, durationMs / 1_000)
      if (counts.events + counts.parked > 0) logger.info('event.delivered', { ...counts, durationMs })
    },
    onPublishFailed: (error, events) => logger.warn('delivery.publish_failed', { error, count: events }),
    onMatchFailed: (error, ref) => logger.error('event.match_failed', { error, ...ref }),
    onResumeFailed: (error, events) => logger.warn('event.resume_failed', { error, count: events }),
    onRulesLoaded: (load, scope) => logger.info('dispatchers.loaded', { ...scope, ...load }),
    onRulesUnreadable: (error, scope) => logger.error('dispatchers.unreadable', { error, ...scope }),
    onRulesUnavailable: (error, scope) => logger.warn('dispatchers.unavailable', { error, ...scope }),
    onUpkeepFailed: (error) => logger.error('dispatchers.upkeep_failed', { error }),
    onRulesTooLarge: (bytes, scope) =>
      logger.warn('dispatchers.too_large', { ...scope, bytes, setting: 'DELIVER_MATCHERS_BYTES_MAX' }),
  }
}
