import { relative, resolve } from 'node:path'
import { claimDataFolder } from './claim-data-folder.js'
import type { Environment } from './config.js'
import { devFilePath, removeDevFile, writeDevFile } from './dev-file.js'
import { disableDemoEndpoint, type DemoAccess } from './demo-endpoint.js'
import { startDemoReceiver, type DemoReceiver } from './demo-receiver.js'
import { findFreePort } from './find-free-port.js'
import { joinEgressAllow } from './join-egress-allow.js'
import { openProcessRegistry } from './process-registry.js'
import { resetData } from './reset-data.js'
import { runDemo } from './run-demo.js'
import type { StartArguments } from './start-arguments.js'
import { startStack, type Stack } from './start-stack.js'
import { describeStart } from './describe-start.js'

const POSTGRES_PORT = 54320
const REDIS_PORT = 63790
/** Behind the ports of the four apps. */
const RECEIVER_PORT_OFFSET = 10
/** npm passes on a Ctrl-C that the terminal has sent us already; only a later one is a second one. */
const SECOND_SIGNAL_AFTER_MS = 1_000
/** Shorter than in production: who pressed Ctrl-C is waiting, above all where Redis is away. What is cut off is sent again. */
const SHUTDOWN_GRACE_MS = 5_000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The command `npm start`, its arguments read: runs everything until a signal comes. Resolves to the exit code. */
export async function runStart(options: StartArguments, environment: Environment): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const stopped = listenForStop(say)
  try {
    await runUntil(stopped, { ...options, dataDir: resolve(options.dataDir), environment, say })
    say('Stopped.')
    return 0
  } catch (error) {
    if (stopped.aborted) return 0
    process.stderr.write(`\n${explain(error)}\n`)
    return 1
  }
}

interface RunOptions extends StartArguments {
  readonly environment: Environment
  readonly say: (line: string) => void
}

async function runUntil(stopped: AbortSignal, options: RunOptions): Promise<void> {
  const { dataDir, environment, say } = options
  const egressAllow = joinEgressAllow(environment['EGRESS_ALLOW'])
  await claimDataFolder(dataDir)
  // Before anything is touched: it may be the folder of a start that is running.
  await openProcessRegistry(dataDir, say)
  await removeDevFile(dataDir)
  if (options.isReset) {
    await resetData(dataDir)
    say(`Forgot all data in ${relative('.', dataDir) || dataDir}.`)
    if (environment['DATABASE_URL']) say('The database of DATABASE_URL is left as it is.')
  }
  let receiver: DemoReceiver | undefined
  const writeFile = async (stack: Stack): Promise<void> => {
    if (!stopped.aborted) await writeDevFile(dataDir, { ...stack.describe(), receiverUrl: receiver?.url ?? null })
  }
  let isReady = false
  const stack = await startStack({
    dataDir,
    environment,
    appEnvironment: { SHUTDOWN_GRACE_MS: environment['SHUTDOWN_GRACE_MS'] || String(SHUTDOWN_GRACE_MS) },
    say,
    port: options.port,
    ports: { postgres: POSTGRES_PORT, redis: REDIS_PORT },
    signal: stopped,
    onChange: (changed) => {
      if (isReady) writeFile(changed).catch((error: unknown) => say(`dev.json can not be written: ${String(error)}`))
    },
  })
  stack.services.guard.watchPath(devFilePath(dataDir))
  try {
    const demo = await settleDemo(options, stack, stopped)
    receiver = demo.receiver
    await writeFile(stack)
    isReady = true
    const dev = { ...stack.describe(), receiverUrl: receiver?.url ?? null }
    const { describe: services } = stack.services
    say(describeStart(dev, { dataDir, services, egressAllow, receiverSecret: demo.secret }))
    await untilAborted(stopped)
  } finally {
    await removeDevFile(dataDir)
    await receiver?.stop()
    await stack.stop()
    await removeDevFile(dataDir)
  }
}

interface Demo {
  readonly receiver?: DemoReceiver
  /** With which the receiver verifies. */
  readonly secret?: string | undefined
}

/** Starts the demo receiver and runs the demo; or keeps an earlier start's endpoint from sending where nobody is. */
async function settleDemo(options: RunOptions, stack: Stack, stopped: AbortSignal): Promise<Demo> {
  const { dataDir, say } = options
  const { apiUrl, tenants } = stack.describe()
  const secretKey = tenants[0]?.environments.find(({ type }) => type === 'PRODUCTION')?.secretKey ?? ''
  const access: DemoAccess = { dataDir, apiUrl, secretKey }
  // The demo shows that all works; where it does not, everything else is still there to look at.
  const tellFailure = (error: unknown): undefined => {
    if (!stopped.aborted) say(`The demo failed: ${explain(error)}`)
  }
  if (!options.hasDemo) {
    const isDisabled = await disableDemoEndpoint(access).catch(tellFailure)
    if (isDisabled === true) say('The webhook of an earlier demo is disabled; a start with the demo enables it again.')
    return {}
  }
  const receiver = await startDemoReceiver({ port: await findFreePort(options.port + RECEIVER_PORT_OFFSET) })
  return { receiver, secret: await runDemo({ ...access, receiver, say }).catch(tellFailure) }
}

/** Aborted by the first signal; a second one a while later ends at once, and the guard cleans up. */
function listenForStop(say: (line: string) => void): AbortSignal {
  const controller = new AbortController()
  let firstAt = 0
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!controller.signal.aborted) {
        firstAt = performance.now()
        say('\nStopping …')
        controller.abort(new Error('stopped'))
      } else if (performance.now() - firstAt > SECOND_SIGNAL_AFTER_MS) {
        process.exit(130)
      }
    })
  }
  return controller.signal
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolveWait) => {
    if (signal.aborted) resolveWait()
    else signal.addEventListener('abort', () => resolveWait(), { once: true })
  })
}

/** The message with those of its causes: what went wrong, and why. */
function explain(error: unknown): string {
  const messages: string[] = []
  for (let current = error; current instanceof Error && messages.length < 5; current = current.cause) {
    if (current.message !== '') messages.push(current.message)
  }
  return messages.length > 0 ? messages.join('\n  because: ') : String(error)
}
