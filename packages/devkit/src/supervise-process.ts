import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from './config.js'
import { openLogFile, type LogFile } from './log-file.js'
import type { ProcessRegistry } from './process-registry.js'
import type { Guard } from './start-guard.js'

/** How one process is run. */
export interface ProcessPlan {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Environment
  readonly cwd?: string
  readonly uid?: number
  readonly gid?: number
  /** Gives it an IPC channel, whose end tells it that we are gone. */
  readonly hasChannel?: boolean
  readonly logPath: string
  readonly stopSignal: NodeJS.Signals
  readonly stopTimeoutMs: number
  readonly readyTimeoutMs: number
  /** True once it can be used. Called again and again until then. */
  readonly isReady: () => Promise<boolean>
  /** Called with each line that it writes. */
  readonly onLine?: (line: string) => void
}

/** What a supervisor needs from its surroundings. */
export interface Supervision {
  readonly say: (line: string) => void
  readonly registry?: ProcessRegistry
  readonly guard?: Guard
  /** Called when the process runs under another id than before. */
  readonly onRestart?: () => void
}

export interface SupervisedProcess {
  readonly name: string
  /** Resolves once it is ready. @throws when it exits or takes too long, with the end of what it wrote. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The id of the running process; undefined while none runs. */
  pid(): number | undefined
}

const RESTART_PAUSE_MS_MIN = 200
const RESTART_PAUSE_MS_MAX = 5_000
/** A process that ran this long had started well: the pause before its next restart is short again. */
const SETTLED_MS = 30_000
const READY_POLL_MS = 30
const TAIL_LINES = 15
const LINE_CHARACTERS_MAX = 64 * 1024

/** Runs a process, restarts it when it dies, and stops it. */
export function superviseProcess(plan: ProcessPlan, supervision: Supervision): SupervisedProcess {
  const { say, registry, guard } = supervision
  let child: ChildProcess | undefined
  let exited: Promise<void> = Promise.resolve()
  let isWanted = false
  let pauseMs = RESTART_PAUSE_MS_MIN
  let endPause = new AbortController()
  let restarting: Promise<void> | undefined
  let tail: string[] = []
  let log: LogFile | undefined

  const launch = (): ChildProcess => {
    const launchedAt = performance.now()
    const launched = spawnPlanned(plan)
    child = launched
    tail = []
    const takeLine = (line: string): void => {
      tail = [...tail.slice(1 - TAIL_LINES), line]
      plan.onLine?.(line)
    }
    for (const stream of [launched.stdout, launched.stderr]) {
      const takeChunk = createLineSplitter(takeLine)
      stream?.on('data', (chunk: Buffer) => {
        log?.write(chunk)
        takeChunk(chunk)
      })
    }
    exited = new Promise((resolve) => {
      launched.once('error', (error) => {
        takeLine(error.message)
        resolve()
      })
      launched.once('exit', (code, signal) => {
        forget(launched)
        resolve()
        if (!isWanted || child !== launched || restarting !== undefined) return
        if (performance.now() - launchedAt > SETTLED_MS) pauseMs = RESTART_PAUSE_MS_MIN
        restarting = restart(signal ?? `code ${code}`).finally(() => (restarting = undefined))
      })
    })
    return launched
  }

  const remember = async (launched: ChildProcess): Promise<void> => {
    if (launched.pid === undefined) return
    const entry = { name: plan.name, pid: launched.pid, stopSignal: plan.stopSignal }
    guard?.watch(entry)
    await registry?.add(entry)
  }

  const forget = ({ pid }: ChildProcess): void => {
    if (pid === undefined) return
    guard?.unwatch(pid)
    void registry?.remove(pid).catch(() => undefined)
  }

  /** Launches once and waits until it is ready, or until it is not wanted any more. */
  const launchAndWait = async (): Promise<void> => {
    const launched = launch()
    await remember(launched)
    const deadline = performance.now() + plan.readyTimeoutMs
    while (isWanted) {
      const isReady = await plan.isReady().catch(() => false)
      // Looked at after the answer: it may have died right behind it.
      if (isGone(launched)) throw new Error(`${plan.name} stopped while starting:\n${tail.join('\n')}`)
      if (isReady) return
      if (performance.now() > deadline) {
        throw new Error(`${plan.name} was not ready after ${plan.readyTimeoutMs} ms:\n${tail.join('\n')}`)
      }
      await sleep(READY_POLL_MS)
    }
  }

  const restart = async (reason: string): Promise<void> => {
    say(`${plan.name} died (${reason}); restarting it.`)
    while (isWanted) {
      await sleep(pauseMs, undefined, { signal: endPause.signal }).catch(() => undefined)
      pauseMs = Math.min(pauseMs * 2, RESTART_PAUSE_MS_MAX)
      if (!isWanted) return
      try {
        await launchAndWait()
        if (!isWanted) return
        say(`${plan.name} is back (process ${child?.pid}).`)
        supervision.onRestart?.()
        return
      } catch (error) {
        say(`${plan.name} did not come back: ${firstLine(error)}`)
        await end()
      }
    }
  }

  /** Ends the process that runs, by force when asking does not help. */
  const end = async (): Promise<void> => {
    if (child === undefined || isGone(child)) return
    child.kill(plan.stopSignal)
    const force = setTimeout(() => child?.kill('SIGKILL'), plan.stopTimeoutMs)
    await exited
    clearTimeout(force)
  }

  return {
    name: plan.name,
    async start() {
      isWanted = true
      endPause = new AbortController()
      log ??= openLogFile(plan.logPath)
      // Until it was ready once, a death is an error for the caller and nothing to restart.
      restarting = Promise.resolve()
      try {
        await launchAndWait()
      } catch (error) {
        isWanted = false
        await end()
        throw error
      } finally {
        restarting = undefined
      }
    },
    async stop() {
      isWanted = false
      endPause.abort()
      await end()
      await restarting
      // A restart that was under way may have launched once more.
      await end()
      log?.close()
      log = undefined
    },
    pid: () => (child === undefined || isGone(child) ? undefined : child.pid),
  }
}

function spawnPlanned(plan: ProcessPlan): ChildProcess {
  return spawn(plan.command, plan.args, {
    env: { ...plan.env },
    ...(plan.cwd !== undefined && { cwd: plan.cwd }),
    ...(plan.uid !== undefined && { uid: plan.uid }),
    ...(plan.gid !== undefined && { gid: plan.gid }),
    stdio: plan.hasChannel === true ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in the terminal reaches us alone, and we stop everything in order.
    detached: true,
  })
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
}

function createLineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = (lines.pop() ?? '').slice(0, LINE_CHARACTERS_MAX)
    for (const line of lines) if (line !== '') onLine(line)
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n').slice(0, 3).join(' ')
}
