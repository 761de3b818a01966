import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/** Says whose the folder is. */
const MARK = 'signalbox-data'
const MARK_TEXT = 'This folder holds the data of a Signalbox that was started with npm start.\n'

/** What data folders had before they were marked, written by their first start. */
const SIGNS = [MARK, 'keys.json', 'master-keys', 'postgres-password']

/**
 * Makes a data folder, or takes one that is empty or was made by us. Throws for any other: what we keep in a folder we
 * also remove, and `postgres`, `redis` and `logs` are names that others give to theirs.
 */
export async function claimDataFolder(dataDir: string): Promise<void> {
  await makeFolder(resolve(dataDir)).catch((cause: unknown) => {
    throw new Error(`The data folder ${dataDir} can not be made. Name another one with --data-dir.`, { cause })
  })
  const entries = await readdir(dataDir)
  if (entries.length > 0 && !SIGNS.some((sign) => entries.includes(sign))) {
    throw new Error(
      `${dataDir} holds other things than the data of Signalbox. Name a new or empty folder with --data-dir.`,
    )
  }
  await writeFile(join(dataDir, MARK), MARK_TEXT).catch((cause: unknown) => {
    throw new Error(`The data folder ${dataDir} can not be written to. Name another one with --data-dir.`, { cause })
  })
}

/**
 * Makes a folder, and those above it, where there is none. `path` is absolute. One folder after the other: in /proc, where none can
 * be made, Node's own recursion never ends.
 */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return
  if (dirname(path) !== path) await makeFolder(dirname(path))
  await mkdir(path).catch(async (error: unknown) => {
    // Another start may have been faster.
    if (!(await isFolder(path))) throw error
  })
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
