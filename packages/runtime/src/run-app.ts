import { createLifecycle, type Lifecycle } from './create-lifecycle.js'
import { createLogger, type Logger, type LogLevel } from './create-logger.js'
import { ConfigError } from './read-config.js'

/** What `runApp` reads from an app's configuration, whatever else is in it. */
export interface RunnableConfig {
  readonly LOG_LEVEL?: LogLevel
  readonly SHUTDOWN_GRACE_MS?: number
}

export interface AppContext<Config> {
  readonly config: Config
  readonly logger: Logger
  readonly lifecycle: Lifecycle
}

export interface RunAppOptions<Config extends RunnableConfig> {
  readonly name: string
  /** Reads the configuration; what it throws is printed, and the process exits with 1. */
  readonly readConfig: () => Config
  /** Composes the app and adds its steps to the lifecycle, which is started afterwards. */
  readonly compose: (context: AppContext<Config>) => Promise<void> | void
  /** The process that is run; tests pass their own. */
  readonly host?: ProcessHost
}

/** The part of `process` that is needed here. */
export interface ProcessHost {
  on(event: string, listener: (argument: unknown) => void): unknown
  exit(code: number): unknown
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Runs an app until a signal: config → compose → start → stop in reverse → exit 0.
 * A second signal exits at once. A bug that nobody caught is logged and exits with 1, because the state is unknown then.
 * A process that was started with an IPC channel also stops when its parent goes away.
 */
export async function runApp<Config extends RunnableConfig>(options: RunAppOptions<Config>): Promise<void> {
  const host = options.host ?? process
  const config = readOrExit(options, host)
  if (config === undefined) return
  if (options.host === undefined) outliveReaders()
  const logger = createLogger({ service: options.name, ...(config.LOG_LEVEL && { level: config.LOG_LEVEL }) })
  const graceMs = config.SHUTDOWN_GRACE_MS
  const lifecycle = createLifecycle({ logger, ...(graceMs !== undefined && { graceMs }) })
  listenForEnd(host, logger, lifecycle)
  try {
    await options.compose({ config, logger, lifecycle })
    await lifecycle.start()
    if (!lifecycle.isStopping()) logger.info('process.started', { pid: process.pid, node: process.version })
  } catch (error) {
    logger.error('process.start_failed', { error })
    exitSoon(host, 1)
  }
}

function readOrExit<Config extends RunnableConfig>(
  options: RunAppOptions<Config>,
  host: ProcessHost,
): Config | undefined {
  try {
    return options.readConfig()
  } catch (error) {
    const logger = createLogger({ service: options.name })
    const fields = error instanceof ConfigError ? { problems: error.problems } : { error }
    logger.error('process.config_invalid', fields)
    exitSoon(host, 1)
    return undefined
  }
}

/** Whoever read our lines may be gone; that must not keep work in flight from being finished. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

function listenForEnd(host: ProcessHost, logger: Logger, lifecycle: Lifecycle): void {
  const end = async (reason: string): Promise<void> => {
    if (lifecycle.isStopping()) {
      logger.warn('process.killed', { reason })
      host.exit(1)
      return
    }
    logger.info('process.stopping', { reason })
    const isClean = await lifecycle.stop(reason)
    exitSoon(host, isClean ? 0 : 1)
  }
  const crash = (kind: string) => (error: unknown) => {
    logger.error('process.crashed', { kind, error })
    exitSoon(host, 1)
  }
  for (const signal of SIGNALS) host.on(signal, () => void end(signal))
  host.on('disconnect', () => {
    if (!lifecycle.isStopping()) void end('parent gone')
  })
  host.on('message', (message) => {
    if (message === 'shutdown' && !lifecycle.isStopping()) void end('parent asked')
  })
  host.on('uncaughtException', crash('uncaughtException'))
  host.on('unhandledRejection', crash('unhandledRejection'))
}

/** Lets log lines that were just written reach their stream first. */
function exitSoon(host: ProcessHost, code: number): void {
  setImmediate(() => host.exit(code))
}
