import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from './config.js'
import type { LogFile } from './log-file.js'

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

/** A process that was started once. */
export interface LaunchedProcess {
  readonly pid: number | undefined
  readonly launchedAt: number
  /** Resolves when it is gone, to what ended it. */
  readonly exited: Promise<string>
  isGone(): boolean
  /** Resolves to true once it is ready, to false when it is not wanted any more. @throws when it exits or takes too long. */
  untilReady(isWanted: () => boolean): Promise<boolean>
  /** Asks it to stop, by force when asking does not help. */
  end(): Promise<void>
}

const READY_POLL_MS = 30
const TAIL_LINES = 15
const LINE_CHARACTERS_MAX = 64 * 1024

/** Starts a process; what it writes goes to its log file. */
export function launchProcess(plan: ProcessPlan, log: LogFile): LaunchedProcess {
  const child = spawnPlanned(plan)
  let tail: string[] = []
  const takeLine = (line: string): void => {
    tail = [...tail.slice(1 - TAIL_LINES), line]
    plan.onLine?.(line)
  }
  for (const stream of [child.stdout, child.stderr]) {
    const takeChunk = createLineSplitter(takeLine)
    stream?.on('data', (chunk: Buffer) => {
      log.write(chunk)
      takeChunk(chunk)
    })
  }
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    child.once('error', (error) => {
      takeLine(error.message)
      resolve(error.message)
    })
  })
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
  return {
    pid: child.pid,
    launchedAt: performance.now(),
    exited,
    isGone,
    async untilReady(isWanted) {
      const deadline = performance.now() + plan.readyTimeoutMs
      while (isWanted()) {
        const isReady = await plan.isReady().catch(() => false)
        // Looked at after the answer: it may have died right behind it.
        if (isGone()) {
          const reason = await exited
          throw new Error(`${plan.name} stopped while starting (${reason}):\n${tail.join('\n')}`)
        }
        if (isReady) return true
        if (performance.now() > deadline) {
          throw new Error(`${plan.name} was not ready after ${plan.readyTimeoutMs} ms:\n${tail.join('\n')}`)
        }
        await sleep(READY_POLL_MS)
      }
      return false
    },
    async end() {
      if (isGone()) return
      child.kill(plan.stopSignal)
      const force = setTimeout(() => child.kill('SIGKILL'), plan.stopTimeoutMs)
      await exited
      clearTimeout(force)
    },
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

function createLineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = (lines.pop() ?? '').slice(0, LINE_CHARACTERS_MAX)
    for (const line of lines) if (line !== '') onLine(line)
  }
}
