import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Profiler, Runtime } from 'node:inspector'

const FUNCTIONS_SHOWN = 25
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

/** Lines for one process. */
export function summarizeProfile(name: string, profile: Profiler.Profile): string[] {
  const selfMicros = addUp(profile)
  const work = [...selfMicros].filter(([place]) => !NO_WORK.has(place))
  const total = work.reduce((sum, [, micros]) => sum + micros, 0)
  const program = selfMicros.get('(program)') ?? 0
  const top = work.toSorted(([, a], [, b]) => b - a).slice(0, FUNCTIONS_SHOWN)
  return [
    `${name}: ${Math.round(total / 1_000)} ms in JavaScript, ${Math.round(program / 1_000)} ms in native code outside of it`,
    ...top.map(([place, micros]) => `  ${((micros / total) * 100).toFixed(1).padStart(5)} %  ${place}`),
  ]
}

function addUp(profile: Profiler.Profile): Map<string, number> {
  const places = new Map(profile.nodes.map((node) => [node.id, describePlace(node.callFrame)]))
  const selfMicros = new Map<string, number>()
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const place = places.get(id) ?? '(unknown)'
    selfMicros.set(place, (selfMicros.get(place) ?? 0) + (profile.timeDeltas?.[index] ?? 0))
  }
  return selfMicros
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

function describePlace({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const path = url.replace(/^file:\/\//, '').replace(ROOT, '')
  // Packages stand deep in the package manager's own folder.
  const inPackage = path.split('node_modules/').at(-1) ?? path
  return `${name}  ${inPackage}:${lineNumber + 1}`
}
