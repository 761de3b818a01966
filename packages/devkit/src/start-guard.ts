import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Cleans up after this process should it be killed. */
export interface Guard {
  /** Stops `pid` when this process is gone. */
  watch(process: { readonly pid: number; readonly stopSignal: NodeJS.Signals }): void
  unwatch(pid: number): void
  /** Removes a file or folder, if it is there, when this process is gone. */
  watchPath(path: string): void
  /** Ends the guard: everything was cleaned up. */
  stop(): Promise<void>
}

// Also found from the sources, which tests run: a process of its own needs a compiled file.
const GUARD_MAIN = fileURLToPath(new URL('../dist/guard-main.js', import.meta.url))

/** Starts the guard, a small process that notices the end of this one by its closed pipe. */
export function startGuard(): Guard {
  const child = spawn(process.execPath, [GUARD_MAIN], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const { stdin } = child
  // A guard that died must not take what it guards with it.
  stdin.on('error', () => undefined)
  child.on('error', () => undefined)
  child.unref()
  const exited = once(child, 'exit').catch(() => undefined)
  const send = (message: object): void => void stdin.write(`${JSON.stringify(message)}\n`)
  return {
    watch: ({ pid, stopSignal }) => send({ add: { pid, stopSignal } }),
    unwatch: (pid) => send({ remove: pid }),
    watchPath: (path) => send({ path }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      send({ done: true })
      stdin.end()
      child.ref()
      await exited
    },
  }
}
