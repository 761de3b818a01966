import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** A process that can be recognised later: its id alone may have been given to another one by then. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in whatever unit the system tells it. */
  readonly startedAt: string
}

const START_TIME_FIELD = 19

/** Says who the process `pid` is; undefined when there is none. */
export async function findProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (!isAlive(pid)) return undefined
  const startedAt = await readStartTime(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** True when the process that was recorded still runs, and is not another one with its id. */
export async function isSameProcess(recorded: ProcessIdentity): Promise<boolean> {
  const found = await findProcess(recorded.pid)
  return found !== undefined && found.startedAt === recorded.startedAt
}

/** True when a process with this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function readStartTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    // The name stands in parentheses and may itself hold spaces; fields are counted behind it, state first.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    const isZombie = fields?.[0] === 'Z'
    return isZombie ? undefined : fields?.[START_TIME_FIELD]
  }
  if (process.platform === 'win32') return 'unknown'
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.trim() === '' ? undefined : stdout.trim()
}
