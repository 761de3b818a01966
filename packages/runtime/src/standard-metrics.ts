import type { MetricName, Metrics } from './create-metrics.js'

const ROWS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

/** What a process that serves HTTP counts. `route` is the pattern (`/api/v1/events/:id`), never the path. */
export function createHttpMetrics(metrics: Metrics) {
  return {
    requestSeconds: metrics.histogram({
      name: 'signalbox_http_request_seconds',
      help: 'Time to answer a request, by method, route pattern and status.',
      labels: ['method', 'route', 'status'],
    }),
  }
}

/** What accepting events counts. */
export function createAcceptMetrics(metrics: Metrics) {
  return {
    eventsAccepted: metrics.counter({
      name: 'signalbox_events_accepted_total',
      help: 'Events stored durably.',
    }),
    eventsRefused: metrics.counter({
      name: 'signalbox_events_refused_total',
      help: 'Events refused, by the code of the problem.',
      labels: ['code'],
    }),
    acceptGroupRows: metrics.histogram({
      name: 'signalbox_accept_group_rows',
      help: 'Events committed together.',
      buckets: ROWS_BUCKETS,
    }),
    acceptGroupSeconds: metrics.histogram({
      name: 'signalbox_accept_group_seconds',
      help: 'Time to commit one group of events.',
    }),
    publishFailures: metrics.counter({
      name: 'signalbox_publish_failures_total',
      help: 'Groups that could not be announced on the queue and wait for rescue.',
    }),
  }
}

/** What the matchers of a process hold, and what they have done since it started. */
export interface MatcherReading {
  readonly sets: number
  readonly rules: number
  readonly bytes: number
  readonly parkedEvents: number
  readonly loads: number
  readonly refreshes: number
  readonly evictions: number
  readonly events: number
  readonly matches: number
  readonly candidates: number
  readonly probes: number
}

/** What delivering counts: deciding who gets an event. `readMatchers` is asked when the metrics are read. */
export function createDeliverMetrics(metrics: Metrics, readMatchers: () => MatcherReading) {
  let reading: MatcherReading | undefined
  // All metrics of one scrape share one reading.
  const readOnce = (what: keyof MatcherReading): number => {
    if (reading === undefined) setImmediate(() => (reading = undefined))
    reading ??= readMatchers()
    return reading[what]
  }
  const held = (name: MetricName, help: string, what: keyof MatcherReading) =>
    metrics.gauge({ name, help, collect: (gauge) => gauge.set(readOnce(what)) })
  const done = (name: MetricName, help: string, what: keyof MatcherReading) =>
    metrics.counter({ name, help, read: () => readOnce(what) })
  return {
    eventsDelivered: metrics.counter({
      name: 'signalbox_events_delivered_total',
      help: 'Events that were matched and whose deliveries are written.',
    }),
    eventsSetAside: metrics.counter({
      name: 'signalbox_events_set_aside_total',
      help: 'Events that could not be evaluated.',
    }),
    deliveriesCreated: metrics.counter({
      name: 'signalbox_deliveries_created_total',
      help: 'Deliveries written.',
    }),
    fanoutLimited: metrics.counter({
      name: 'signalbox_deliveries_fanout_limited_total',
      help: 'Deliveries that were not written, because their events would have gone to more dispatchers than one may.',
    }),
    deliverSeconds: metrics.histogram({
      name: 'signalbox_deliver_group_seconds',
      help: 'Time to deliver one group of events.',
    }),
    matcherBytes: held('signalbox_matcher_bytes', 'Memory of the dispatchers that are held, about.', 'bytes'),
    matcherSets: held('signalbox_matcher_sets', 'Environments whose dispatchers are held.', 'sets'),
    matcherRules: held('signalbox_matcher_rules', 'Dispatchers that are held.', 'rules'),
    parkedEvents: held('signalbox_events_parked', 'Events that wait until dispatchers are loaded.', 'parkedEvents'),
    matcherLoads: done('signalbox_matcher_loads_total', 'Loads of all dispatchers of an environment.', 'loads'),
    matcherRefreshes: done('signalbox_matcher_refreshes_total', 'Loads of changed dispatchers.', 'refreshes'),
    matcherEvictions: done(
      'signalbox_matcher_evictions_total',
      'Environments dropped for want of memory.',
      'evictions',
    ),
    matcherEvents: done('signalbox_matcher_events_total', 'Events that were matched.', 'events'),
    matcherMatches: done('signalbox_matcher_matches_total', 'Dispatchers that matched.', 'matches'),
    matcherCandidates: done('signalbox_matcher_candidates_total', 'Filters that were tried on events.', 'candidates'),
    matcherProbes: done('signalbox_matcher_probes_total', 'Look-ups in the index of filters.', 'probes'),
  }
}

/** What dispatching counts: carrying out deliveries. `countInFlight` is asked when the metrics are read. */
export function createDispatchMetrics(metrics: Metrics, countInFlight: () => number) {
  return {
    attempts: metrics.counter({
      name: 'signalbox_delivery_attempts_total',
      help: 'Attempts at deliveries, by outcome.',
      labels: ['outcome'],
    }),
    attemptSeconds: metrics.histogram({
      name: 'signalbox_delivery_attempt_seconds',
      help: 'Time that one attempt took, by outcome.',
      labels: ['outcome'],
    }),
    eventDeliverySeconds: metrics.histogram({
      name: 'signalbox_event_delivery_seconds',
      help: 'Time from the acceptance of an event to its successful delivery.',
    }),
    inFlight: metrics.gauge({
      name: 'signalbox_deliveries_in_flight',
      help: 'Deliveries that this process is carrying out.',
      collect: (gauge) => gauge.set(countInFlight()),
    }),
  }
}

/** One reading of a queue. */
export interface QueueReading {
  readonly queue: string
  /** Number of queue jobs by state (`waiting`, `active`, `delayed`). */
  readonly jobs: Readonly<Record<string, number>>
  /** Age of the oldest one that waits; 0 when none does. */
  readonly oldestAgeSeconds: number
}

/** Depth and oldest age of the queues, read when they are scraped. */
export function createQueueMetrics(metrics: Metrics, read: () => Promise<readonly QueueReading[]>) {
  let readings: Promise<readonly QueueReading[]> | undefined
  // Both gauges of one scrape share one reading.
  const readOnce = (): Promise<readonly QueueReading[]> => {
    readings ??= read().finally(() => setImmediate(() => (readings = undefined)))
    return readings
  }
  return {
    jobs: metrics.gauge({
      name: 'signalbox_queue_jobs',
      help: 'Queue jobs by queue and state.',
      labels: ['queue', 'state'],
      async collect(gauge) {
        for (const { queue, jobs } of await readOnce()) {
          for (const [state, count] of Object.entries(jobs)) gauge.set({ queue, state }, count)
        }
      },
    }),
    oldestAge: metrics.gauge({
      name: 'signalbox_queue_oldest_age_seconds',
      help: 'Age of the oldest waiting queue job.',
      labels: ['queue'],
      async collect(gauge) {
        for (const { queue, oldestAgeSeconds } of await readOnce()) gauge.set({ queue }, oldestAgeSeconds)
      },
    }),
  }
}

/** What the scheduler counts. */
export function createScheduleMetrics(metrics: Metrics) {
  return {
    isLeader: metrics.gauge({
      name: 'signalbox_scheduler_is_leader',
      help: '1 while this process leads, else 0.',
    }),
    rows: metrics.counter({
      name: 'signalbox_scheduler_rows_total',
      help: 'Rows promoted, rescued or pruned, by task.',
      labels: ['task'],
    }),
    runSeconds: metrics.histogram({
      name: 'signalbox_scheduler_run_seconds',
      help: 'Time of one run, by task.',
      labels: ['task'],
    }),
    failures: metrics.counter({
      name: 'signalbox_scheduler_failures_total',
      help: 'Runs that failed, by task.',
      labels: ['task'],
    }),
    backlogRows: metrics.gauge({
      name: 'signalbox_backlog_rows',
      help: 'Rows in Postgres that still have to be worked on, by kind (outbox, deliveries).',
      labels: ['kind'],
    }),
    backlogOldestAge: metrics.gauge({
      name: 'signalbox_backlog_oldest_age_seconds',
      help: 'Age of the oldest row that is due, by kind.',
      labels: ['kind'],
    }),
  }
}
