import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Profiler, Runtime } from 'node:inspector'

const FUNCTIONS_SHOWN = 25
const PACKAGES_SHOWN = 15
/** Time in which nothing was run. */
const NO_WORK = new Set(['(idle)', '(program)'])
const SUFFIX = '.cpuprofile'

/** Lines for people: for each process profiled since `since`, the functions that took most time by themselves. */
export async function summarizeProfiles(folder: string, since: Date): Promise<string[]> {
  const lines: string[] = []
  for (const file of (await readdir(folder)).toSorted()) {
    const path = join(folder, file)
    if (!file.endsWith(SUFFIX) || (await stat(path)).mtime < since) continue
    const profile = JSON.parse(await readFile(path, 'utf8')) as Profiler.Profile
    lines.push('', ...summarizeProfile(file.slice(0, -SUFFIX.length), profile))
  }
  return lines
}

/** Lines for one process: by package, then by function. */
function summarizeProfile(name: string, profile: Profiler.Profile): string[] {
  const selfMicros = addUp(profile)
  const work = selfMicros.filter(({ frame }) => !NO_WORK.has(frame.functionName))
  const total = work.reduce((sum, { micros }) => sum + micros, 0)
  const list = (title: string, toKey: (frame: Runtime.CallFrame) => string, count: number): string[] => {
    const sums = new Map<string, number>()
    for (const { frame, micros } of work) sums.set(toKey(frame), (sums.get(toKey(frame)) ?? 0) + micros)
    const top = [...sums].toSorted(([, a], [, b]) => b - a).slice(0, count)
    return [
      `  ${title}:`,
      ...top.map(([key, micros]) => `    ${((micros / total) * 100).toFixed(1).padStart(5)} %  ${key}`),
    ]
  }
  return [
    `${name}: ${Math.round(total / 1_000)} ms of work; self time`,
    ...list('by package', describePackage, PACKAGES_SHOWN),
    ...list('by function', describeFunction, FUNCTIONS_SHOWN),
  ]
}

interface SelfTime {
  readonly frame: Runtime.CallFrame
  readonly micros: number
}

function addUp(profile: Profiler.Profile): SelfTime[] {
  const micros = new Map<number, number>()
  for (const [index, id] of (profile.samples ?? []).entries()) {
    micros.set(id, (micros.get(id) ?? 0) + (profile.timeDeltas?.[index] ?? 0))
  }
  return profile.nodes.map((node) => ({ frame: node.callFrame, micros: micros.get(node.id) ?? 0 }))
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** `packages/db`, `express`, `node:http`; what has no file is the runtime itself. */
function describePackage({ functionName, url }: Runtime.CallFrame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  const path = shorten(url)
  const parts = path.split('/')
  return path.startsWith('@') || path.startsWith('packages/') || path.startsWith('apps/')
    ? parts.slice(0, 2).join('/')
    : (parts[0] ?? path)
}

function describeFunction({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name}  ${shorten(url)}:${lineNumber + 1}`
}

/** Packages stand deep in the package manager's own folder. */
function shorten(url: string): string {
  const path = url.replace(/^file:\/\//, '').replace(ROOT, '')
  return path.split('node_modules/').at(-1) ?? path
}
