import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findAnyFreePort, findFreePort } from './find-free-port.js'
import {
  locatePrograms,
  preparePostgresFolder,
  type PostgresPrograms,
  type RunAs,
  findRunAs,
} from './locate-postgres.js'
import { findProcess } from './process-identity.js'
import { createForeignService, type Service, type ServiceSurroundings } from './service.js'
import { stopProcess } from './stop-process.js'
import { superviseProcess, type SupervisedProcess } from './supervise-process.js'

export interface PostgresOptions extends ServiceSurroundings {
  /** Parent of the folder `postgres` and of the password file. */
  readonly dataDir: string
  /** Address of a server that somebody else runs; nothing is started then. */
  readonly databaseUrl?: string | undefined
  /** The first port to try; without it any free one is taken. */
  readonly port?: number
}

const USER = 'signalbox'
const DATABASE = 'signalbox'
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000
const STARTS_MAX = 5
const CONNECT_TIMEOUT_MS = 2_000
const QUERY_TIMEOUT_MS = 10_000
/** Enough for four apps and two test runners; every commit stays durable, as in production. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '2GB',
  // Processes of their own for reading pay off on large machines only; everything here is in memory.
  io_method: 'sync',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** Starts the Postgres that comes with npm, or takes the one that the environment names. */
export async function startPostgres(options: PostgresOptions): Promise<Service> {
  if (options.databaseUrl !== undefined && options.databaseUrl !== '') {
    const version = await readVersion(options.databaseUrl).catch((cause: unknown) => {
      throw new Error(describeFailure(options.databaseUrl ?? '', cause), { cause })
    })
    return createForeignService(options.databaseUrl, `Postgres ${version} of DATABASE_URL`)
  }
  const runAs = await findRunAs()
  const programs = await locatePrograms(runAs)
  const folder = await preparePostgresFolder(join(options.dataDir, 'postgres'), runAs)
  await stopLeftover(folder)
  const password = await prepareData({ programs, folder, runAs, dataDir: options.dataDir })

  let failure: unknown
  for (let attempt = 1; attempt <= STARTS_MAX; attempt += 1) {
    const port = options.port === undefined ? await findAnyFreePort() : await findFreePort(options.port)
    const urlOf = (database: string): string => `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`
    const server = superviseServer({ options, programs, folder, runAs, port, url: urlOf('postgres') })
    try {
      await server.start()
      await ensureDatabase(urlOf('postgres'))
      const version = await readVersion(urlOf('postgres'))
      return {
        url: urlOf(DATABASE),
        description: `embedded Postgres ${version} on port ${port}, data in ${folder}`,
        isOurs: true,
        pid: server.pid,
        start: server.start,
        stop: server.stop,
      }
    } catch (error) {
      // Another start may have taken the port in between, or the end of a killed server is not through yet.
      failure = error
      await server.stop()
    }
  }
  throw new Error('The embedded Postgres does not start', { cause: failure })
}

/** What is wrong with DATABASE_URL; its password stays unsaid. */
function describeFailure(databaseUrl: string, error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  const server = describeServer(databaseUrl)
  if (server === undefined)
    return 'DATABASE_URL is no address of a Postgres (postgresql://user:password@host:port/database)'
  // Five characters that begin with digits are an SQLSTATE: the server is there and refuses.
  if (code !== undefined && /^\d[0-9A-Z]{4}$/.test(code))
    return `DATABASE_URL: Postgres at ${server} refuses (${message})`
  return `DATABASE_URL: Postgres at ${server} can't be reached (${code ?? message})`
}

/** Host and port as the client reads them; undefined when it can't. */
function describeServer(databaseUrl: string): string | undefined {
  // The client would take any text for the path of an address of its own making.
  if (!URL.canParse(databaseUrl) || !/^postgres(ql)?:/.test(databaseUrl)) return undefined
  try {
    const { host, port } = new pg.Client({ connectionString: databaseUrl })
    return `${host}:${port}`
  } catch {
    return undefined
  }
}

interface ServerPlan {
  readonly options: PostgresOptions
  readonly programs: PostgresPrograms
  readonly folder: string
  readonly runAs: RunAs | undefined
  readonly port: number
  readonly url: string
}

function superviseServer({ options, programs, folder, runAs, port, url }: ServerPlan): SupervisedProcess {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return superviseProcess(
    {
      name: 'postgres',
      command: programs.postgres,
      args: ['-D', folder, '-p', String(port), ...settings],
      env: postgresEnvironment,
      // Its own folder: the one that we stand in may be closed to its account.
      cwd: folder,
      ...(runAs !== undefined && { uid: runAs.uid, gid: runAs.gid }),
      logPath: join(options.dataDir, 'logs', 'postgres.log'),
      // The fast shutdown: it ends sessions, and leaves nothing to recover.
      stopSignal: 'SIGINT',
      stopTimeoutMs: STOP_TIMEOUT_MS,
      readyTimeoutMs: READY_TIMEOUT_MS,
      isReady: () => canConnect(url),
    },
    options,
  )
}

/** Nothing of the caller's environment: PGPORT, PGDATA and their kind would be obeyed. */
const postgresEnvironment = { LC_ALL: 'C', TZ: 'UTC' }

interface Initialisation {
  readonly programs: PostgresPrograms
  readonly folder: string
  readonly runAs: RunAs | undefined
}

/** Sees to it that there is a database with a password that we know, and returns the password. */
async function prepareData(plan: Initialisation & { readonly dataDir: string }): Promise<string> {
  const passwordFile = join(plan.dataDir, 'postgres-password')
  const known = await readFile(passwordFile, 'utf8').catch(() => '')
  const hasData = existsSync(join(plan.folder, 'PG_VERSION'))
  if (hasData && known !== '') return known
  const isElsewhere = plan.folder !== resolve(plan.dataDir, 'postgres')
  // Data elsewhere outlives the data folder that it belonged to; whoever removed that one meant both.
  if (hasData && !isElsewhere) {
    throw new Error(`${passwordFile} is missing, so nobody can log in to the data beside it. Start with --reset.`)
  }
  const password = randomBytes(18).toString('base64url')
  await initialise(plan, password)
  await writeFile(passwordFile, password, { mode: 0o600 })
  return password
}

async function initialise({ programs, folder, runAs }: Initialisation, password: string): Promise<void> {
  // A first start that was cut short leaves a folder that initdb refuses.
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const passwordFile = join(folder, '..', `.initdb-${process.pid}`)
  // In a folder that all may write to, a file put there by somebody else is refused.
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
  if (runAs !== undefined) {
    await chown(folder, runAs.uid, runAs.gid)
    await chown(passwordFile, runAs.uid, runAs.gid)
  }
  try {
    await promisify(execFile)(
      programs.initdb,
      [
        `--pgdata=${folder}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--no-instructions',
      ],
      { env: postgresEnvironment, cwd: folder, ...(runAs !== undefined && { uid: runAs.uid, gid: runAs.gid }) },
    )
  } catch (cause) {
    // initdb writes PG_VERSION early: without this the next start would take the rest for a database.
    await rm(folder, { recursive: true, force: true })
    throw new Error('The embedded Postgres can not be initialised', { cause })
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** Stops a server that still has this folder open, left behind by a start that was killed. */
async function stopLeftover(folder: string): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid')
  const pid = Number.parseInt((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0] ?? '', 10)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const identity = await findProcess(pid)
  if (identity !== undefined && (await isServerOf(pid, folder))) {
    await stopProcess(identity, { signal: 'SIGINT', timeoutMs: STOP_TIMEOUT_MS })
  }
  // Its id may belong to a stranger by now, which would keep Postgres from starting.
  await rm(pidFile, { force: true })
}

async function isServerOf(pid: number, folder: string): Promise<boolean> {
  const command =
    process.platform === 'linux'
      ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      : await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).then(
          ({ stdout }) => stdout,
          () => '',
        )
  return command.includes(folder)
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(DATABASE)}`)
  })
}

async function readVersion(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version.split(' ')[0] ?? 'of unknown version'
  })
}

async function canConnect(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    await client.query('select 1')
    return true
  })
}

async function withClient<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  })
  // A server that goes away while we talk is told by the query; the event alone would end this process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
