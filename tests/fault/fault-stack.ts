import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { APP_NAMES, startStack, type AppName, type Stack } from '@signalbox/devkit'
import { Redis } from 'ioredis'
import pg from 'pg'
import { waitUntil } from './wait-until.js'

/** Something that was done to a running system. */
export interface Fault {
  readonly what: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Whether an attempt that was under way may have been forgotten by it. */
  readonly forgetsAttempts: boolean
}

/** The tenant whose events are sent. */
export interface FaultTenant {
  readonly organizationId: string
  readonly environmentId: string
  readonly secretKey: string
}

export type Pids = Readonly<Record<AppName, number | undefined>>

/** Postgres, Redis and the four apps as processes of their own, and what can be done to them. */
export interface FaultStack {
  readonly apiUrl: string
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly tenant: FaultTenant
  /** All faults so far. */
  readonly faults: readonly Fault[]
  readonly services: Stack['services']
  healthUrlOf(name: AppName): string
  pids(): Pids
  /** SIGKILL; resolves once another process has taken its place and is ready, or at least runs. */
  kill(name: AppName, until?: { readonly untilReady: boolean }): Promise<void>
  /** SIGTERM; resolves likewise, to what the process ended with. */
  terminate(name: AppName): Promise<string>
  /** Stops and starts an app in order. */
  app: Stack['app']
  /** Empties Redis while an app stands still and jobs wait for it; gives how many were lost. */
  flushWaiting(name: 'deliver-worker' | 'dispatcher-worker'): Promise<number>
  /** Kills Redis with all that it holds, and leaves it away. */
  killRedis(): Promise<void>
  /** Starts it again, empty. */
  startRedis(): Promise<void>
  /** SIGQUIT: the immediate shutdown; SIGKILL: a crash. Leaves it away. */
  breakPostgres(signal: 'SIGQUIT' | 'SIGKILL'): Promise<void>
  /** Starts it again; it recovers by its log. */
  startPostgres(): Promise<void>
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** The last lines of what the supervisor said. */
  said(): readonly string[]
  stop(): Promise<void>
}

/**
 * Ports of their own for each test process; taken ones are passed over. All stay below those that systems give to
 * outgoing connections (32768 on Linux), one of which could sit on the port of a server that is down for a moment.
 */
const PORT_FIRST = 21_000
const PORT_PROCESSES = 1_400
const PORTS_EACH = 8

/** The queue that an app takes from. */
const QUEUES = { 'deliver-worker': 'deliver', 'dispatcher-worker': 'dispatch' } as const
const WAITING_MIN = 5

/** Starts everything with data of its own, which is gone when it is stopped. Services of the environment are not used. */
export async function startFaultStack(): Promise<FaultStack> {
  const said: string[] = []
  const stack = await startStack({
    environment: withoutServices(process.env),
    appEnvironment: { LOG_LEVEL: 'warn' },
    port: PORT_FIRST + (process.pid % PORT_PROCESSES) * PORTS_EACH,
    ephemeral: true,
    say: (line) => void said.push(line),
  })
  const { apiUrl, databaseUrl, redisUrl, processes, tenants } = stack.describe()
  const faults: Fault[] = []
  const note = (what: string, forgetsAttempts: boolean): void => {
    faults.push({ what, at: Date.now(), forgetsAttempts })
  }
  const healthUrlOf = (name: AppName): string => processes.find((app) => app.name === name)?.healthUrl ?? ''
  const signal = async (name: AppName, how: 'SIGKILL' | 'SIGTERM', untilReady = true): Promise<string> => {
    const pid = await waitUntil(`${name} runs`, () => stack.app(name).pid())
    const saidBefore = said.length
    note(`${how} of ${name}`, how === 'SIGKILL' && name === 'dispatcher-worker')
    process.kill(pid, how)
    const end = await waitUntil(`the end of ${name}`, () => findEnd(said.slice(saidBefore), name))
    const next = await waitUntil(`another ${name}`, () => stack.app(name).pid())
    if (untilReady) await waitUntil(`${name} is ready`, () => isReady(healthUrlOf(name)))
    if (next === pid) throw new Error(`${name} runs on as ${pid}`)
    return end
  }
  const { services } = stack
  return {
    apiUrl,
    databaseUrl,
    redisUrl,
    tenant: readTenant(tenants),
    faults,
    services,
    healthUrlOf,
    pids: () => Object.fromEntries(APP_NAMES.map((name) => [name, stack.app(name).pid()])) as unknown as Pids,
    kill: async (name, { untilReady } = { untilReady: true }) => void (await signal(name, 'SIGKILL', untilReady)),
    terminate: (name) => signal(name, 'SIGTERM'),
    app: (name) => stack.app(name),
    async flushWaiting(name) {
      const pid = await waitUntil(`${name} runs`, () => stack.app(name).pid())
      process.kill(pid, 'SIGSTOP')
      try {
        const lost = await waitUntil(`jobs wait for ${name}`, () => flushWhenWaiting(redisUrl, QUEUES[name]))
        note(`FLUSHALL with jobs for ${name}`, false)
        return lost
      } finally {
        process.kill(pid, 'SIGCONT')
      }
    },
    async killRedis() {
      note('Redis killed', false)
      process.kill(await waitUntil('Redis runs', () => services.redis.pid()), 'SIGKILL')
      // In the same turn, so that the supervisor does not bring it back.
      await services.redis.stop()
    },
    async startRedis() {
      const folder = join(services.dataDir, 'redis')
      for (const name of await readdir(folder).catch(() => [])) await rm(join(folder, name), { recursive: true })
      await services.redis.start()
    },
    async breakPostgres(how) {
      note(`${how} of Postgres`, true)
      process.kill(await waitUntil('Postgres runs', () => services.postgres.pid()), how)
      await services.postgres.stop()
    },
    startPostgres: () => startAgain(services.postgres),
    query: (sql, values = []) => query(databaseUrl, sql, values),
    said: () => said.slice(-40),
    stop: () => stack.stop(),
  }
}

function withoutServices(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isKept = (name: string): boolean => !/^(DATABASE_URL|REDIS_URL|TEST_.*|SECRETS_MASTER_KEYS)$/.test(name)
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isKept(name)))
}

function readTenant(tenants: ReturnType<Stack['describe']>['tenants']): FaultTenant {
  const [tenant] = tenants
  const [environment] = tenant?.environments ?? []
  if (tenant === undefined || environment === undefined) throw new Error('expected a seeded tenant')
  return {
    organizationId: tenant.organizationId,
    environmentId: environment.id,
    secretKey: environment.secretKey,
  }
}

/** Starts a server that was killed: until the last of its processes has gone too, a new one refuses to start. */
async function startAgain(server: { start(): Promise<void> }): Promise<void> {
  let refusal: unknown
  const tryStart = async (): Promise<boolean> => {
    try {
      await server.start()
      return true
    } catch (error) {
      refusal = error
      return false
    }
  }
  await waitUntil('the server starts again', tryStart).catch((cause: unknown) => {
    throw new Error(`${String(cause)}; last: ${String(refusal)}`, { cause })
  })
}

function findEnd(lines: readonly string[], name: string): string | undefined {
  const line = lines.find((candidate) => candidate.startsWith(`${name} died (`))
  return line?.slice(`${name} died (`.length, line.lastIndexOf(')'))
}

/** Whether an app says that it is ready. */
async function isReady(healthUrl: string): Promise<boolean> {
  try {
    const response = await fetch(healthUrl, { signal: AbortSignal.timeout(5_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

/** Empties Redis when at least this many jobs of a queue wait; gives their number. */
async function flushWhenWaiting(url: string, queue: string): Promise<number | undefined> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  try {
    const lists = await redis.keys(`*:${queue}:wait`)
    const lengths = await Promise.all(lists.map((list) => redis.llen(list)))
    const waiting = lengths.reduce((sum, length) => sum + length, 0)
    if (waiting < WAITING_MIN) return undefined
    await redis.flushall()
    return waiting
  } finally {
    redis.disconnect()
  }
}

async function query<Row extends object>(url: string, sql: string, values: readonly unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 30_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(sql, [...values])).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}
