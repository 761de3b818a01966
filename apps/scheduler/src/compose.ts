import {
  checkMigrated,
  createDatabase,
  createLeadership,
  createPruneStore,
  createScheduleStore,
  type Leadership,
} from '@signalbox/db'
import { createSchedule } from '@signalbox/pipeline'
import { createProducerConnection, createQueues } from '@signalbox/queue'
import {
  type AppContext,
  type BackgroundLoop,
  createBackgroundLoop,
  createHealthServer,
  createMetrics,
  createQueueMetrics,
  createScheduleMetrics,
  type Logger,
} from '@signalbox/runtime'
import type { SchedulerConfig } from './config.js'

export { configSchema, type SchedulerConfig } from './config.js'

/** How often the lead is asked for or confirmed: a dead leader is followed within this time. */
const LEAD_INTERVAL_MS = 1_000

/** Wires the scheduler: any number may run, one leads and does the work. */
export function composeScheduler({ config, logger, lifecycle }: AppContext<SchedulerConfig>): void {
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: 'signalbox-scheduler',
  })
  const onError = (error: Error): void => void logger.warn('redis.trouble', { error })
  const producer = createProducerConnection({ url: config.REDIS_URL, onError })
  const queues = createQueues(producer, config.REDIS_PREFIX)
  const store = createScheduleStore(database)
  const schedule = createSchedule({ store: { ...store, ...createPruneStore(database) }, queue: queues })
  const leadership = createLeadership(config.DATABASE_URL)
  const metrics = createMetrics({ service: 'scheduler' })
  const counters = createScheduleMetrics(metrics)
  createQueueMetrics(metrics, () => queues.measure())
  const loops = createLoops({ config, logger, store, schedule, leadership, counters })
  const health = createHealthServer({
    port: config.HEALTH_PORT,
    host: config.HEALTH_HOST,
    metrics,
    checks: { postgres: () => checkMigrated(database.pool), redis: () => queues.ping() },
    isStopping: () => lifecycle.isStopping(),
  })
  lifecycle.add({ name: 'postgres', stop: () => database.close() })
  lifecycle.add({ name: 'redis', stop: () => producer.disconnect() })
  lifecycle.add({ name: 'queues', stop: () => queues.close() })
  lifecycle.add({ name: 'leadership', stop: () => leadership.release() })
  lifecycle.add({ name: 'health', start: () => health.start(), stop: () => health.stop() })
  lifecycle.add({
    name: 'loops',
    start: () => loops.forEach((loop) => loop.start()),
    stop: () => Promise.all(loops.map((loop) => loop.stop())),
  })
}

interface LoopParts {
  config: SchedulerConfig
  logger: Logger
  store: Pick<ReturnType<typeof createScheduleStore>, 'measureBacklog'>
  schedule: ReturnType<typeof createSchedule>
  leadership: Leadership
  counters: ReturnType<typeof createScheduleMetrics>
}

/** Counting the backlog reads up to a hundred thousand index entries. */
const MEASURE_INTERVAL_MS = 10_000

/** What a task did; `isMore`: there is more to do at once. */
interface TaskOutcome {
  rows: number
  isMore?: boolean
}

// The first loop takes and keeps the lead; the others do nothing while another process has it.
function createLoops({ config, logger, store, schedule, leadership, counters }: LoopParts): BackgroundLoop[] {
  let isLeader = false
  const lead = async (): Promise<void> => {
    const wasLeader = isLeader
    isLeader = await leadership.tryLead()
    counters.isLeader.set(isLeader ? 1 : 0)
    if (isLeader !== wasLeader) logger.info(isLeader ? 'scheduler.leading' : 'scheduler.following')
  }
  const measure = async (): Promise<TaskOutcome> => {
    const backlog = await store.measureBacklog()
    counters.backlogRows.set({ kind: 'outbox' }, backlog.events)
    counters.backlogRows.set({ kind: 'deliveries' }, backlog.deliveries)
    counters.backlogOldestAge.set({ kind: 'outbox' }, backlog.eventsOldestSeconds)
    return { rows: 0 }
  }
  const createTask = (task: string, intervalMs: number, run: () => Promise<TaskOutcome>): BackgroundLoop =>
    createBackgroundLoop({
      name: task,
      intervalMs,
      logger,
      runOnce: async () => {
        if (!isLeader) return {}
        const end = counters.runSeconds.startTimer({ task })
        const { rows, isMore } = await run()
        const seconds = end()
        counters.rows.inc({ task }, rows)
        if (rows > 0) logger.info('scheduler.ran', { task, rows, durationMs: Math.round(seconds * 1_000) })
        return isMore === true ? { pauseMs: 0 } : {}
      },
      onError: (error) => {
        counters.failures.inc({ task })
        logger.warn('scheduler.failed', { task, error })
      },
    })
  return [
    createBackgroundLoop({ name: 'lead', intervalMs: LEAD_INTERVAL_MS, logger, runOnce: lead }),
    createTask('due_events', config.SCHEDULE_INTERVAL_MS, async () => ({ rows: await schedule.publishDueEvents() })),
    createTask('due_deliveries', config.SCHEDULE_INTERVAL_MS, async () => ({
      rows: await schedule.publishDueDeliveries(),
    })),
    createTask('prune', config.PRUNE_INTERVAL_MS, async () => {
      const { removed, isMore } = await schedule.prune()
      return { rows: removed, isMore }
    }),
    createTask('measure', MEASURE_INTERVAL_MS, measure),
  ]
}
