import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { findProcess, type ProcessIdentity } from './process-identity.js'
import { stopProcess } from './stop-process.js'

/**
 * Outlives the process that started it by a moment: when that one is gone without a word, the guard stops what it left
 * running and removes its temporary files and folders. Postgres and Redis know no parent to watch, so somebody else has to.
 */
const STOP_TIMEOUT_MS = 10_000

interface Watched {
  readonly identity: ProcessIdentity
  readonly stopSignal: NodeJS.Signals
}

const watched = new Map<number, Watched>()
const paths = new Set<string>()
let isDone = false
let working: Promise<void> = Promise.resolve()

async function take(line: string): Promise<void> {
  const message = JSON.parse(line) as {
    add?: { pid: number; stopSignal: NodeJS.Signals }
    remove?: number
    path?: string
    done?: boolean
  }
  if (message.add !== undefined) {
    const identity = await findProcess(message.add.pid)
    if (identity !== undefined) watched.set(identity.pid, { identity, stopSignal: message.add.stopSignal })
  }
  if (message.remove !== undefined) watched.delete(message.remove)
  if (message.path !== undefined) paths.add(message.path)
  if (message.done === true) isDone = true
}

async function cleanUp(): Promise<void> {
  await working
  if (!isDone) {
    await Promise.all(
      [...watched.values()].map(({ identity, stopSignal }) =>
        stopProcess(identity, { signal: stopSignal, timeoutMs: STOP_TIMEOUT_MS }),
      ),
    )
    for (const path of paths) await rm(path, { recursive: true, force: true })
  }
  process.exit(0)
}

// A Ctrl-C is meant for the process that is guarded; the guard ends when that one does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  working = working.then(() => take(line)).catch(() => undefined)
})
lines.on('close', () => void cleanUp())
