import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { makeFolder } from './claim-data-folder.js'
import { readEnvironment, type Environment } from './config.js'
import { findRunAs, relocatedFolder } from './locate-postgres.js'
import { openProcessRegistry, type ProcessRegistry } from './process-registry.js'
import type { Service } from './service.js'
import { startGuard, type Guard } from './start-guard.js'
import { startPostgres } from './start-postgres.js'
import { startRedis } from './start-redis.js'

export interface ServicesOptions {
  /** Where the data is kept; a temporary folder when not named. */
  readonly dataDir?: string
  /** Removes the data when stopped. Always so for a temporary folder. */
  readonly ephemeral?: boolean
  /** DATABASE_URL, REDIS_URL and PATH are read from it. */
  readonly environment?: Environment
  readonly say?: (line: string) => void
  /** First ports to try; without them any free ones are taken. */
  readonly ports?: { readonly postgres: number; readonly redis: number }
  readonly onRestart?: () => void
  /** Ends the start early. */
  readonly signal?: AbortSignal
}

/** A running Postgres and Redis. */
export interface Services {
  readonly dataDir: string
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly postgres: Service
  readonly redis: Service
  /** One line for each, for people. */
  readonly describe: readonly [postgres: string, redis: string]
  readonly registry: ProcessRegistry
  readonly guard: Guard
  /** Stops what was started here, and removes the data when it is ephemeral. */
  stop(): Promise<void>
}

/** Starts Postgres and Redis, or takes those that the environment names. */
export async function startServices(options: ServicesOptions = {}): Promise<Services> {
  const environment = options.environment ?? readEnvironment()
  const say = options.say ?? (() => undefined)
  const dataDir = await makeDataFolder(options.dataDir)
  const isEphemeral = options.ephemeral === true || options.dataDir === undefined
  const guard = startGuard()
  const folders = isEphemeral ? [dataDir, relocatedFolder(join(dataDir, 'postgres'))] : []
  for (const folder of folders) guard.watchPath(folder)

  const started: Service[] = []
  let registry: ProcessRegistry | undefined
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((service) => service.stop()))
    await registry?.clear()
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
    await guard.stop()
  }
  try {
    if (process.getuid?.() === 0) await closeToOthers(dataDir, environment)
    registry = await openProcessRegistry(dataDir, say)
    const base = { dataDir, say, registry, guard, ...(options.onRestart && { onRestart: options.onRestart }) }
    const results = await Promise.allSettled([
      startPostgres({
        ...base,
        databaseUrl: environment['DATABASE_URL'],
        ...(options.ports && { port: options.ports.postgres }),
      }),
      startRedis({
        ...base,
        redisUrl: environment['REDIS_URL'],
        searchPath: environment['PATH'],
        signal: options.signal,
        ...(options.ports && { port: options.ports.redis }),
      }),
    ])
    for (const result of results) if (result.status === 'fulfilled') started.push(result.value)
    const [postgres, redis] = results
    if (postgres.status === 'rejected') throw postgres.reason
    if (redis.status === 'rejected') throw redis.reason
    return {
      dataDir,
      databaseUrl: postgres.value.url,
      redisUrl: redis.value.url,
      postgres: postgres.value,
      redis: redis.value,
      describe: [postgres.value.description, redis.value.description],
      registry,
      guard,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function makeDataFolder(wanted: string | undefined): Promise<string> {
  const folder = wanted === undefined ? await mkdtemp(join(tmpdir(), 'signalbox-')) : resolve(wanted)
  await makeFolder(folder)
  return folder
}

/** Ownership that stays as it is, for chown. */
const UNCHANGED = -1

/** As root. A Postgres of ours can't run as root, so its account may pass through; every file with a secret is closed itself. */
async function closeToOthers(folder: string, { DATABASE_URL: database }: Environment): Promise<void> {
  const runAs = database ? undefined : await findRunAs()
  if (runAs !== undefined) await chown(folder, UNCHANGED, runAs.gid)
  await chmod(folder, runAs === undefined ? 0o700 : 0o710)
}
