import { writeFile } from 'node:fs/promises'
import { round } from '../stats.js'
import { listChildren, readMemory, readProcess } from './read-process.js'

/** A process that is watched; of one with a family (Postgres) the children count too. */
export interface WatchedProcess {
  readonly name: string
  readonly pid: () => number | undefined
  readonly isFamily?: boolean
}

/** Memory of one process, in MiB. Of a family: what all its members have for themselves, without what they share. */
export interface MemoryUsage {
  readonly peakMiB: number
  /** The peaks of the first and of the second half of the time. */
  readonly firstHalfMiB: number
  readonly secondHalfMiB: number
}

/** What the watched processes used, by their names. */
export interface Usage {
  readonly cpuMicrosPerEvent: Readonly<Record<string, number>>
  readonly memory: Readonly<Record<string, MemoryUsage>>
}

/** Measures CPU and memory of processes while it runs; what runs in several parts is added up. */
export interface UsageMeter {
  start(): Promise<void>
  stop(): Promise<void>
  /** Runs while `work` does. */
  during<Result>(work: () => Promise<Result>): Promise<Result>
  report(events: number): Usage
}

const SAMPLE_INTERVAL_MS = 250
const BYTES_PER_MIB = 1_048_576

/** Creates a meter. Where the system has no `/proc` it reports nothing. */
export function createUsageMeter(processes: readonly WatchedProcess[]): UsageMeter {
  const cpuMicros = new Map<string, number>()
  const samples = new Map<string, number[]>()
  const peaks = new Map<string, number>()
  let running: { readonly before: Map<string, Cpu>; end(): Promise<void> } | undefined

  const sample = (): void => {
    for (const watched of processes) {
      const bytes = measureMemory(watched)
      if (bytes === undefined) continue
      const list = samples.get(watched.name) ?? []
      samples.set(watched.name, list)
      list.push(bytes)
    }
  }
  const start = async (): Promise<void> => {
    await Promise.all(processes.map(forgetPeak))
    const before = readAllCpu(processes)
    let isWanted = true
    const sampling = (async () => {
      while (isWanted) {
        sample()
        await new Promise((resolve) => setTimeout(resolve, SAMPLE_INTERVAL_MS))
      }
    })()
    running = {
      before,
      end: () => {
        isWanted = false
        return sampling
      },
    }
  }
  const stop = async (): Promise<void> => {
    if (running === undefined) return
    const { before, end } = running
    running = undefined
    const after = readAllCpu(processes)
    for (const [name, { pid, micros }] of after) {
      const earlier = before.get(name)
      // A process that was started in between began at nothing; any other change of its id is a crash.
      if (earlier !== undefined && earlier.pid !== pid) throw new Error(`${name} died while it was measured`)
      cpuMicros.set(name, (cpuMicros.get(name) ?? 0) + micros - (earlier?.micros ?? 0))
    }
    for (const watched of processes) {
      const peak = readPeak(watched)
      if (peak !== undefined) peaks.set(watched.name, Math.max(peak, peaks.get(watched.name) ?? 0))
    }
    await end()
  }
  return {
    start,
    stop,
    async during(work) {
      await start()
      try {
        return await work()
      } finally {
        await stop()
      }
    },
    report: (events) => ({
      cpuMicrosPerEvent: Object.fromEntries([...cpuMicros].map(([name, micros]) => [name, round(micros / events, 1)])),
      memory: Object.fromEntries(
        [...samples].map(([name, list]) => [name, summarizeMemory(list, peaks.get(name) ?? 0)]),
      ),
    }),
  }
}

interface Cpu {
  readonly pid: number
  readonly micros: number
}

function readAllCpu(processes: readonly WatchedProcess[]): Map<string, Cpu> {
  const readings = new Map<string, Cpu>()
  for (const watched of processes) {
    const pid = watched.pid()
    const reading = pid === undefined ? undefined : readProcess(pid)
    if (pid === undefined || reading === undefined) continue
    let micros = reading.cpuMicros
    if (watched.isFamily === true) {
      micros += reading.endedChildrenCpuMicros
      for (const child of listChildren(pid)) micros += readProcess(child)?.cpuMicros ?? 0
    }
    readings.set(watched.name, { pid, micros })
  }
  return readings
}

function measureMemory({ pid: findPid, isFamily }: WatchedProcess): number | undefined {
  const pid = findPid()
  if (pid === undefined) return undefined
  if (isFamily !== true) return readMemory(pid, 'VmRSS')
  const members = [pid, ...listChildren(pid)]
  return members.reduce((sum, member) => sum + (readMemory(member, 'RssAnon') ?? 0), 0)
}

/** The system's own peak misses nothing between two samples; it can be reset, so that it is the measure's own. */
async function forgetPeak({ pid: findPid }: WatchedProcess): Promise<void> {
  const pid = findPid()
  if (pid !== undefined) await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined)
}

function readPeak({ pid: findPid, isFamily }: WatchedProcess): number | undefined {
  const pid = findPid()
  return pid === undefined || isFamily === true ? undefined : readMemory(pid, 'VmHWM')
}

function summarizeMemory(samples: readonly number[], peak: number): MemoryUsage {
  const half = Math.ceil(samples.length / 2)
  const toMiB = (bytes: number): number => round(bytes / BYTES_PER_MIB)
  const largest = (values: readonly number[]): number => Math.max(0, ...values)
  return {
    peakMiB: toMiB(Math.max(peak, largest(samples))),
    firstHalfMiB: toMiB(largest(samples.slice(0, half))),
    secondHalfMiB: toMiB(largest(samples.slice(half))),
  }
}
