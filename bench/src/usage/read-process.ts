import { existsSync, readdirSync, readFileSync } from 'node:fs'

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
export function readProcess(pid: number): ProcessReading | undefined {
  const stat = readProc(`${pid}/stat`)
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
export function readMemory(pid: number, size: 'VmRSS' | 'VmHWM' | 'RssAnon'): number | undefined {
  const kib = new RegExp(`^${size}:\\s+(\\d+) kB`, 'm').exec(readProc(`${pid}/status`) ?? '')?.[1]
  return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB
}

/** Ids of the processes whose parent is `pid`. */
export function listChildren(pid: number): number[] {
  const known = readProc(`${pid}/task/${pid}/children`)
  return known === undefined ? findChildren(pid) : toPids(known.trim().split(' '))
}

// Not every kernel is built to tell the children of a process; asking all processes costs as much as many events do.
function findChildren(pid: number): number[] {
  return toPids(existsSync('/proc') ? readdirSync('/proc') : []).filter((id) => readProcess(id)?.parentPid === pid)
}

function toPids(names: readonly string[]): number[] {
  return names.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0)
}

// At once and not through the thread pool: no disk is asked, and what watches must not take the time of what is watched.
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return undefined
  }
}
