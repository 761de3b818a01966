import { randomBytes } from 'node:crypto'
import { APP_NAMES, startStack, type AppName, type Stack } from '@signalbox/devkit'
import pg from 'pg'
import { profileEnvironment } from '../profile/profile-environment.js'
import { startTool, type Tool, type Tools } from '../tools/start-tool.js'
import type { WatchedProcess } from '../usage/create-usage-meter.js'
import {
  dropDatabase,
  findPostgresPid,
  findRedisPid,
  makeDatabase,
  removeKeys,
  withDatabase,
} from './foreign-servers.js'

/** Where and how a measure runs. */
export interface StackSetting {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** Told of apps that die, and of other trouble. */
  readonly say: (line: string) => void
  /** Folder for CPU profiles of the apps. */
  readonly profileDir?: string
}

/** Everything running as in production, with a fresh database and one tenant's keys. */
export interface BenchStack {
  readonly apiUrl: string
  readonly databaseUrl: string
  readonly secretKey: string
  readonly scope: { readonly organizationId: string; readonly environmentId: string }
  /** Another environment of the same tenant, with a key of its own. */
  readonly neighbour: { readonly secretKey: string }
  /** For counting rows, and for nothing that is timed. */
  readonly pool: pg.Pool
  /** Which Postgres and Redis these are. */
  readonly servers: readonly string[]
  /** The apps and servers, for a usage meter. */
  readonly processes: readonly WatchedProcess[]
  app(name: AppName): ReturnType<Stack['app']>
  /** What an app says of itself now, as Prometheus reads it. */
  readMetrics(name: AppName): Promise<string>
  /** Starts a process that ends with the stack. */
  startTool<Name extends keyof Tools>(name: Name): Promise<Tool<Tools[Name]>>
}

const FIRST_PORT = 4_700

/** Starts everything afresh, runs `use`, and stops and removes everything, also when the signal comes. */
export async function runWithStack<Result>(
  setting: StackSetting,
  use: (stack: BenchStack) => Promise<Result>,
): Promise<Result> {
  const { environment } = setting
  const name = `signalbox_bench_${randomBytes(6).toString('hex')}`
  const databaseUrl = environment['DATABASE_URL'] ?? ''
  if (databaseUrl === '') return runNamed(setting, name, use)
  // A server that somebody else runs gets a database of our own.
  await makeDatabase(databaseUrl, name)
  try {
    const ownEnvironment = { ...environment, DATABASE_URL: withDatabase(databaseUrl, name) }
    return await runNamed({ ...setting, environment: ownEnvironment }, name, use)
  } finally {
    await dropDatabase(databaseUrl, name)
  }
}

async function runNamed<Result>(
  { environment, signal, profileDir }: StackSetting,
  name: string,
  use: (stack: BenchStack) => Promise<Result>,
): Promise<Result> {
  const profiling = profileDir === undefined ? {} : profileEnvironment(profileDir)
  const stack = await startStack({
    environment,
    appEnvironment: { REDIS_PREFIX: name, LOG_LEVEL: 'info', ...profiling },
    port: FIRST_PORT,
    signal,
  })
  const tools: { stop(): Promise<void> }[] = []
  const pool = new pg.Pool({ connectionString: stack.services.databaseUrl, max: 2 })
  // The queries that are under way when the server stops hear of it themselves.
  pool.on('error', () => undefined)
  try {
    const benchStack = await describeStack(stack, pool, tools)
    return await Promise.race([use(benchStack), untilAborted(signal)])
  } finally {
    await Promise.all(tools.map((tool) => tool.stop()))
    await pool.end()
    await stack.stop()
    if (!stack.services.redis.isOurs) await removeKeys(stack.services.redisUrl, name)
  }
}

async function describeStack(stack: Stack, pool: pg.Pool, tools: { stop(): Promise<void> }[]): Promise<BenchStack> {
  const { apiUrl, tenants, processes } = stack.describe()
  const [tenant] = tenants
  const environment = tenant?.environments.find(({ type }) => type === 'PRODUCTION')
  const neighbour = tenant?.environments.find(({ type }) => type !== 'PRODUCTION')
  if (tenant === undefined || environment === undefined || neighbour === undefined) {
    throw new Error('No tenant with two environments was seeded')
  }
  const { services } = stack
  const postgresPid = services.postgres.isOurs ? undefined : await findPostgresPid(pool)
  const redisPid = services.redis.isOurs ? undefined : await findRedisPid(services.redisUrl)
  return {
    apiUrl,
    databaseUrl: services.databaseUrl,
    secretKey: environment.secretKey,
    scope: { organizationId: tenant.organizationId, environmentId: environment.id },
    neighbour: { secretKey: neighbour.secretKey },
    pool,
    servers: services.describe,
    processes: [
      ...APP_NAMES.map((name) => ({ name, pid: () => stack.app(name).pid() })),
      { name: 'postgres', pid: () => services.postgres.pid() ?? postgresPid, isFamily: true },
      { name: 'redis', pid: () => services.redis.pid() ?? redisPid },
    ],
    app: (name) => stack.app(name),
    async readMetrics(name) {
      const { healthUrl } = processes.find((one) => one.name === name) ?? { healthUrl: '' }
      return (await fetch(new URL('/metrics', healthUrl))).text()
    },
    async startTool(name) {
      const tool = await startTool(name)
      tools.push(tool)
      return tool
    },
  }
}

/** Never resolves; rejects when the signal comes. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
