import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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
  await mkdir(dataDir, { recursive: true }).catch((cause: unknown) => {
    throw new Error(`The data folder ${dataDir} can not be made. Name another one with --data-dir.`, { cause })
  })
  const entries = await readdir(dataDir)
  if (entries.length > 0 && !SIGNS.some((sign) => entries.includes(sign))) {
    throw new Error(
      `${dataDir} holds other things than the data of Signalbox. Name a new or empty folder with --data-dir.`,
    )
  }
  await writeFile(join(dataDir, MARK), MARK_TEXT)
}
