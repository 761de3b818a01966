import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { relocatedFolder } from './locate-postgres.js'

/** Everything that we keep in a data folder. Only these are removed: a wrong --data-dir must not cost anything else. */
const ENTRIES = ['postgres', 'postgres-password', 'redis', 'logs', 'keys.json', 'master-keys', 'demo.json', 'dev.json']

/** Forgets the data of a data folder that this process has taken. */
export async function resetData(dataDir: string): Promise<void> {
  for (const entry of ENTRIES) await rm(join(dataDir, entry), { recursive: true, force: true })
  await rm(relocatedFolder(join(dataDir, 'postgres')), { recursive: true, force: true })
}
