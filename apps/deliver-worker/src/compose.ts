import type { EventRef } from '@signalbox/domain'
import { createDatabase, createDeliverStore } from '@signalbox/db'
import { createDeliverEvents, type DeliverCounts } from '@signalbox/pipeline'
import { createDeliverWorker, createProducerConnection, createQueues, createWorkerConnection } from '@signalbox/queue'
import { type AppContext, createDeliverMetrics, createHealthServer, createMetrics } from '@signalbox/runtime'
import type { DeliverWorkerConfig } from './config.js'

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
  const counters = createDeliverMetrics(metrics)
  const deliverEvents = createDeliverEvents({
    store: createDeliverStore(database),
    queue: queues,
    now: () => new Date(),
    onPublishFailed: (error, count) => logger.warn('delivery.publish_failed', { error, count }),
    onRulesUnreadable: (error, { organizationId, environmentId }) =>
      logger.error('dispatchers.unreadable', { error, organizationId, environmentId }),
  })
  const deliver = async (refs: EventRef[]): Promise<DeliverCounts> => {
    const startedAt = performance.now()
    const counts = await deliverEvents(refs)
    const durationMs = Math.round(performance.now() - startedAt)
    counters.eventsDelivered.inc(counts.events - counts.failed)
    counters.eventsSetAside.inc(counts.failed)
    counters.deliveriesCreated.inc(counts.deliveries)
    counters.deliverSeconds.observe(durationMs / 1_000)
    if (counts.events > 0) logger.info('event.delivered', { ...counts, durationMs })
    return counts
  }
  const worker = createDeliverWorker(
    {
      connection: consumer,
      prefix: config.REDIS_PREFIX,
      concurrency: config.DELIVER_JOBS_MAX,
      onTrouble: (what, error) => logger.warn('deliver.trouble', { what, error }),
    },
    deliver,
  )
  const health = createHealthServer({
    port: config.HEALTH_PORT,
    host: config.HEALTH_HOST,
    metrics,
    checks: { postgres: () => database.pool.query('select 1'), redis: () => queues.ping() },
    isStopping: () => lifecycle.isStopping(),
  })
  lifecycle.add({ name: 'postgres', stop: () => database.close() })
  lifecycle.add({ name: 'redis', stop: () => [producer, consumer].forEach((redis) => redis.disconnect()) })
  lifecycle.add({ name: 'queues', stop: () => queues.close() })
  lifecycle.add({ name: 'health', start: () => health.start(), stop: () => health.stop() })
  lifecycle.add({ name: 'worker', start: () => worker.start(), stop: () => worker.stop() })
  return { deliver }
}
