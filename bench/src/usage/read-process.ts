import { readdir, readFile } from 'node:fs/promises'

/** What the system says of a process, on Linux. */
export interface ProcessReading {
  readonly parentPid: number
  readonly cpuMicros: number
  /** CPU of its children that have ended, in microseconds. */
  readonly endedChildrenCpuMicros: number
}

/** Linux counts CPU in ticks of a hundredth of a second on every platform that Node supports. */
const MICROS_PER_TICK = 10_000
const PARENT_FIELD = 1
const USER_FIELD = 11
const BYTES_PER_KIB = 1_024

/** Reads who a process's parent is and what CPU it took; undefined where that can't be read. */
export async function readProcess(pid: number): Promise<ProcessReading | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name stands in parentheses and may itself hold spaces; fields are counted behind it, state first.
  const fields = stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  if (fields === undefined) return undefined
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(USER_FIELD)
  return {
    parentPid: fields[PARENT_FIELD] ?? 0,
    cpuMicros: (user + system) * MICROS_PER_TICK,
    endedChildrenCpuMicros: (childrenUser + childrenSystem) * MICROS_PER_TICK,
  }
}

/** Reads one of the sizes that the system keeps of a process's memory, in bytes; `VmHWM` is its peak. */
export async function readMemory(pid: number, size: 'VmRSS' | 'VmHWM' | 'RssAnon'): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kib = new RegExp(`^${size}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
  return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB
}

/** Ids of the processes whose parent is `pid`. */
export async function listChildren(pid: number): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0)
  const readings = await Promise.all(pids.map(async (id) => ({ id, reading: await readProcess(id) })))
  return readings.flatMap(({ id, reading }) => (reading?.parentPid === pid ? [id] : []))
}
