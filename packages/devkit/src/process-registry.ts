import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findProcess, isSameProcess, type ProcessIdentity } from './process-identity.js'
import { stopProcess } from './stop-process.js'

/** A process of ours as the state file remembers it. */
export interface RegisteredProcess extends ProcessIdentity {
  readonly name: string
  readonly stopSignal: NodeJS.Signals
}

interface State {
  readonly owner: ProcessIdentity | undefined
  readonly processes: readonly RegisteredProcess[]
}

/** Remembers on disk which processes belong to a data folder, so that a later start can stop what a killed one left. */
export interface ProcessRegistry {
  add(process: { readonly name: string; readonly pid: number; readonly stopSignal: NodeJS.Signals }): Promise<void>
  remove(pid: number): Promise<void>
  /** Forgets everything, after everything was stopped. */
  clear(): Promise<void>
}

/** Someone else uses the data folder at this moment. */
export class DataFolderInUseError extends Error {
  readonly code = 'DATA_FOLDER_IN_USE'

  constructor(dataDir: string, pid: number) {
    super(
      `Signalbox already runs with the data folder ${dataDir} (process ${pid}). Stop it, or name another --data-dir.`,
    )
    this.name = 'DataFolderInUseError'
  }
}

const STATE_FILE = 'state.json'
const ORPHAN_STOP_TIMEOUT_MS = 10_000

/**
 * Takes a data folder for this process and stops what an earlier, killed owner left running.
 * @throws DataFolderInUseError when its owner is alive.
 */
export async function openProcessRegistry(
  dataDir: string,
  say: (line: string) => void = () => undefined,
): Promise<ProcessRegistry> {
  const path = join(dataDir, STATE_FILE)
  const earlier = await readState(path)
  const owner = earlier.owner
  if (owner !== undefined && owner.pid !== process.pid && (await isSameProcess(owner))) {
    throw new DataFolderInUseError(dataDir, owner.pid)
  }
  await stopOrphans(earlier.processes, say)

  const processes = new Map<number, RegisteredProcess>()
  const self = await findProcess(process.pid)
  let writing: Promise<void> = Promise.resolve()
  const save = (): Promise<void> => {
    writing = writing
      .catch(() => undefined)
      .then(() => writeState(path, { owner: self, processes: [...processes.values()] }))
    return writing
  }
  await save()
  return {
    async add({ name, pid, stopSignal }) {
      const identity = await findProcess(pid)
      if (identity === undefined) return
      processes.set(pid, { ...identity, name, stopSignal })
      await save()
    },
    async remove(pid) {
      if (processes.delete(pid)) await save()
    },
    async clear() {
      await writing.catch(() => undefined)
      await rm(path, { force: true })
    },
  }
}

async function stopOrphans(orphans: readonly RegisteredProcess[], say: (line: string) => void): Promise<void> {
  const alive: RegisteredProcess[] = []
  for (const orphan of orphans) if (await isSameProcess(orphan)) alive.push(orphan)
  if (alive.length === 0) return
  say(`Stopping what an earlier start left running: ${alive.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`)
  await Promise.all(
    alive.map((orphan) => stopProcess(orphan, { signal: orphan.stopSignal, timeoutMs: ORPHAN_STOP_TIMEOUT_MS })),
  )
}

async function readState(path: string): Promise<State> {
  try {
    const state = JSON.parse(await readFile(path, 'utf8')) as Partial<State>
    return { owner: state.owner, processes: Array.isArray(state.processes) ? state.processes : [] }
  } catch {
    // No file, or one that a crash cut short: nothing is known then.
    return { owner: undefined, processes: [] }
  }
}

async function writeState(path: string, state: State): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify(state), { mode: 0o600 })
  await rename(`${path}.new`, path)
}
