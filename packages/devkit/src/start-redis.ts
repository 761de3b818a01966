import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkRedis } from './check-redis.js'
import { findAnyFreePort, findFreePort } from './find-free-port.js'
import { createForeignService, type Service, type ServiceSurroundings } from './service.js'
import type { ProcessPlan } from './launch-process.js'
import { superviseProcess } from './supervise-process.js'

export interface RedisOptions extends ServiceSurroundings {
  /** Parent of the folder `redis`. */
  readonly dataDir: string
  /** Address of a server that somebody else runs; nothing is started then. */
  readonly redisUrl?: string | undefined
  /** Where native servers are looked for. */
  readonly searchPath?: string | undefined
  /** Ends the wait for a server that somebody else runs. */
  readonly signal?: AbortSignal | undefined
  /** The first port to try; without it any free one is taken. */
  readonly port?: number
}

const NATIVE_SERVERS = ['redis-server', 'valkey-server'] as const
const VALKEY_MAIN = fileURLToPath(new URL('../dist/valkey-main.js', import.meta.url))
const READY_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000
const PING_TIMEOUT_MS = 1_000
const STARTS_MAX = 3

/** Takes the Redis that the environment names; else starts a native server; else Valkey compiled to WebAssembly. */
export async function startRedis(options: RedisOptions): Promise<Service> {
  if (options.redisUrl !== undefined && options.redisUrl !== '') {
    await checkRedis(options.redisUrl, options.signal)
    return createForeignService(options.redisUrl, 'Redis of REDIS_URL')
  }
  const program = await findProgram(options.searchPath ?? '')
  let failure: unknown
  for (let attempt = 1; attempt <= STARTS_MAX; attempt += 1) {
    const port = options.port === undefined ? await findAnyFreePort() : await findFreePort(options.port)
    const { plan, description } =
      program === undefined ? planWasm(options, port) : await planNative(options, program, port)
    const server = superviseProcess(plan, options)
    try {
      await server.start()
      const url = `redis://127.0.0.1:${port}`
      return { url, description, isOurs: true, pid: server.pid, start: server.start, stop: server.stop }
    } catch (error) {
      // Another start may have taken the port in between.
      failure = error
      await server.stop()
    }
  }
  throw new Error('Redis does not start', { cause: failure })
}

interface RedisPlan {
  readonly plan: ProcessPlan
  readonly description: string
}

async function planNative(options: RedisOptions, program: string, port: number): Promise<RedisPlan> {
  const folder = join(options.dataDir, 'redis')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const settings: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    save: '',
    // Queue jobs must never be evicted; BullMQ asks for this.
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  }
  return {
    plan: {
      ...basePlan(options, port),
      command: program,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      env: { LC_ALL: 'C' },
    },
    description: `${program} on port ${port}, append-only file in ${folder}`,
  }
}

function planWasm(options: RedisOptions, port: number): RedisPlan {
  return {
    plan: {
      ...basePlan(options, port),
      command: process.execPath,
      // WASI is experimental in Node and says so at each start.
      args: ['--no-warnings', VALKEY_MAIN, String(port)],
      env: {},
      hasChannel: true,
    },
    description: `embedded Valkey (WebAssembly; slower, keeps nothing on disk) on port ${port}`,
  }
}

function basePlan(options: RedisOptions, port: number) {
  return {
    name: 'redis',
    logPath: join(options.dataDir, 'logs', 'redis.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: STOP_TIMEOUT_MS,
    readyTimeoutMs: READY_TIMEOUT_MS,
    isReady: () => answersPing(port),
  } as const
}

async function findProgram(searchPath: string): Promise<string | undefined> {
  for (const name of NATIVE_SERVERS) {
    for (const folder of searchPath.split(delimiter).filter((entry) => entry !== '')) {
      const path = join(folder, process.platform === 'win32' ? `${name}.exe` : name)
      const isFound = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isFound) return path
    }
  }
  return undefined
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: PING_TIMEOUT_MS })
    const finish = (isReady: boolean): void => {
      socket.destroy()
      resolve(isReady)
    }
    socket.once('connect', () => socket.write('PING\r\n'))
    // While it loads its file it answers with an error instead.
    socket.once('data', (chunk) => finish(chunk.toString().startsWith('+PONG')))
    socket.once('error', () => finish(false))
    socket.once('timeout', () => finish(false))
  })
}
