import { randomBytes, randomInt } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SeedTenantInput } from '@signalbox/db'

const TENANTS = [
  { slug: 'acme', name: 'Acme' },
  { slug: 'globex', name: 'Globex' },
] as const
const ENVIRONMENTS = [
  { type: 'PRODUCTION', abbreviation: 'prod' },
  { type: 'DEVELOPMENT', abbreviation: 'dev' },
] as const
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 190 random bits. */
const KEY_CHARACTERS = 32
const MASTER_KEY_BYTES = 32

/**
 * The tenants of `npm start` with their keys. The database keeps only hashes of keys, so that the plain ones, which are
 * printed at each start, stay in a file of the data folder that its owner alone can read.
 */
export async function loadDevelopmentTenants(dataDir: string): Promise<SeedTenantInput[]> {
  const text = await loadOrCreate(join(dataDir, 'keys.json'), () => `${JSON.stringify(createTenants(), null, 2)}\n`)
  return JSON.parse(text) as SeedTenantInput[]
}

/** `SECRETS_MASTER_KEYS` of this data folder: `id:base64 of 32 bytes`. */
export async function loadMasterKeys(dataDir: string): Promise<string> {
  const text = await loadOrCreate(
    join(dataDir, 'master-keys'),
    () => `dev1:${randomBytes(MASTER_KEY_BYTES).toString('base64')}\n`,
  )
  return text.trim()
}

function createTenants(): SeedTenantInput[] {
  return TENANTS.map((tenant) => ({
    ...tenant,
    environments: ENVIRONMENTS.map(({ type, abbreviation }) => ({
      type,
      secretKey: `tr_${abbreviation}_${randomText(KEY_CHARACTERS)}`,
      publicKey: `pk_${abbreviation}_${randomText(KEY_CHARACTERS)}`,
    })),
  }))
}

function randomText(characters: number): string {
  return Array.from({ length: characters }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

async function loadOrCreate(path: string, create: () => string): Promise<string> {
  const existing = await readFile(path, 'utf8').catch(() => '')
  if (existing !== '') return existing
  const text = create()
  await writePrivately(path, text)
  return text
}

/** Writes a file that only its owner can read, whole or not at all. */
export async function writePrivately(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
