import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'

/** Where the hook writes, told to it by the environment. */
export const PROFILE_DIR_VARIABLE = 'SIGNALBOX_BENCH_PROFILE_DIR'

/** Variables that make a Node process profile itself until it ends: `--cpu-prof` itself can't be given this way. */
export function profileEnvironment(folder: string): Record<string, string> {
  const profileDir = resolve(folder)
  mkdirSync(profileDir, { recursive: true })
  const hook = new URL('profile-hook.js', import.meta.url).href
  return { NODE_OPTIONS: `--import ${hook}`, [PROFILE_DIR_VARIABLE]: profileDir }
}
