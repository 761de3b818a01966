import { setTimeout as sleep } from 'node:timers/promises'
import { launchProcess, type LaunchedProcess, type ProcessPlan } from './launch-process.js'
import { openLogFile, type LogFile } from './log-file.js'
import type { ProcessRegistry } from './process-registry.js'
import type { Guard } from './start-guard.js'

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

/** Runs a process, restarts it when it dies, and stops it. */
export function superviseProcess(plan: ProcessPlan, supervision: Supervision): SupervisedProcess {
  const { say } = supervision
  let current: LaunchedProcess | undefined
  let log: LogFile | undefined
  let watching: Promise<void> = Promise.resolve()
  let wanted = new AbortController()
  const isWanted = (): boolean => !wanted.signal.aborted

  const launch = async (): Promise<void> => {
    log ??= openLogFile(plan.logPath)
    const launched = launchProcess(plan, log)
    current = launched
    await remember(plan, supervision, launched)
    try {
      await launched.untilReady(isWanted)
    } catch (error) {
      await launched.end()
      throw error
    }
  }

  /** Waits for the process to die, again and again, and brings it back; returns when it is not wanted any more. */
  const watch = async (): Promise<void> => {
    let pauseMs = RESTART_PAUSE_MS_MIN
    while (isWanted() && current !== undefined) {
      const reason = await current.exited
      if (!isWanted()) return
      if (performance.now() - current.launchedAt > SETTLED_MS) pauseMs = RESTART_PAUSE_MS_MIN
      say(`${plan.name} died (${reason}); restarting it.`)
      await sleep(pauseMs, undefined, { signal: wanted.signal }).catch(() => undefined)
      pauseMs = Math.min(pauseMs * 2, RESTART_PAUSE_MS_MAX)
      if (!isWanted()) return
      try {
        await launch()
        if (!isWanted()) return
        say(`${plan.name} is back (process ${current.pid}).`)
        supervision.onRestart?.()
      } catch (error) {
        say(`${plan.name} did not come back: ${firstLines(error)}`)
      }
    }
  }

  return {
    name: plan.name,
    async start() {
      wanted = new AbortController()
      await launch()
      // Only one that was ready once is restarted; before that, its death is an error for the caller.
      watching = watch()
    },
    async stop() {
      wanted.abort()
      await current?.end()
      await watching
      // A restart that was under way may have launched once more.
      await current?.end()
      log?.close()
      log = undefined
    },
    pid: () => (current === undefined || current.isGone() ? undefined : current.pid),
  }
}

/** Makes the process known to those who clean up should we be killed, for as long as it runs. */
async function remember(plan: ProcessPlan, { registry, guard }: Supervision, launched: LaunchedProcess): Promise<void> {
  const { pid } = launched
  if (pid === undefined) return
  const entry = { name: plan.name, pid, stopSignal: plan.stopSignal }
  void launched.exited.then(() => {
    guard?.unwatch(pid)
    return registry?.remove(pid).catch(() => undefined)
  })
  guard?.watch(entry)
  await registry?.add(entry)
}

function firstLines(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n').slice(0, 3).join(' ')
}
