import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivately } from './development-keys.js'

/** What `<data-dir>/dev.json` tells scripts while everything runs. */
export interface DevFile {
  readonly apiUrl: string
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly receiverUrl: string | null
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly healthUrl: string }[]
  readonly tenants: readonly {
    readonly slug: string
    readonly organizationId: string
    readonly projectId: string
    readonly environments: readonly {
      readonly type: string
      readonly id: string
      readonly secretKey: string
      readonly publicKey: string
    }[]
  }[]
}

/** Where `dev.json` of a data folder is. */
export function devFilePath(dataDir: string): string {
  return join(dataDir, 'dev.json')
}

/** Writes `dev.json`, whole or not at all, readable by its owner only. */
export async function writeDevFile(dataDir: string, content: DevFile): Promise<void> {
  await writePrivately(devFilePath(dataDir), `${JSON.stringify(content, null, 2)}\n`)
}

/** Removes `dev.json`: from now on nothing it says holds. */
export async function removeDevFile(dataDir: string): Promise<void> {
  await rm(devFilePath(dataDir), { force: true })
}
