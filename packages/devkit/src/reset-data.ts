import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { relocatedFolder } from './locate-postgres.js'
import { openProcessRegistry } from './process-registry.js'

/** Everything that we keep in a data folder. Only these are removed: a wrong --data-dir must not cost anything else. */
const ENTRIES = ['postgres', 'postgres-password', 'redis', 'logs', 'keys.json', 'master-keys', 'demo.json', 'dev.json']

/** Forgets the data of a data folder. @throws DataFolderInUseError when it is in use. */
export async function resetData(dataDir: string, say: (line: string) => void): Promise<void> {
  const registry = await openProcessRegistry(dataDir, say)
  for (const entry of ENTRIES) await rm(join(dataDir, entry), { recursive: true, force: true })
  await rm(relocatedFolder(join(dataDir, 'postgres')), { recursive: true, force: true })
  await registry.clear()
}
