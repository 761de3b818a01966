import pg from 'pg'
import { withSchemaEngine, prismaFolder, readMigrations } from './schema-engine.js'

/** Any number that no other program takes in this database: one migration runs at a time, the others wait. */
const MIGRATION_LOCK = 7_204_551_001

/** What {@link migrateDatabase} needs: the database, and where the migrations are (default: this repository's). */
export interface MigrateOptions {
  databaseUrl: string
  prismaFolder?: string
  log?: (line: string) => void
}

/**
 * Creates the database when it is missing and applies all migrations that it lacks, in order.
 * Safe to call from several processes at once. Throws when a migration fails or the histories diverge.
 */
export async function migrateDatabase(options: MigrateOptions): Promise<{ applied: string[] }> {
  await createDatabaseIfMissing(options.databaseUrl)
  const client = new pg.Client({ connectionString: options.databaseUrl })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    const migrationsList = await readMigrations(options.prismaFolder ?? prismaFolder)
    const filters = { externalTables: [], externalEnums: [] }
    const { appliedMigrationNames } = await withSchemaEngine(options.databaseUrl, undefined, (engine) =>
      engine.applyMigrations({ migrationsList, filters }),
    )
    for (const name of appliedMigrationNames) options.log?.(`migrated: ${name}`)
    return { applied: appliedMigrationNames }
  } finally {
    await client.end()
  }
}

/** Another process made it a moment ago (42P04), or in this very moment (23505 on the catalogue's index of names). */
const MADE_BY_ANOTHER = new Set(['42P04', '23505'])

async function createDatabaseIfMissing(databaseUrl: string): Promise<void> {
  const name = decodeURIComponent(new URL(databaseUrl).pathname.slice(1))
  if (await canConnect(databaseUrl)) return
  const admin = new URL(databaseUrl)
  admin.pathname = '/postgres'
  const client = new pg.Client({ connectionString: admin.href })
  await client.connect()
  try {
    await client.query(`create database ${client.escapeIdentifier(name)}`)
  } catch (error) {
    if (!MADE_BY_ANOTHER.has((error as { code?: string }).code ?? '')) throw error
  } finally {
    await client.end()
  }
}

async function canConnect(databaseUrl: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: databaseUrl })
  try {
    await client.connect()
    return true
  } catch (error) {
    // 3D000: the server is there, the database is not. Everything else is the caller's to hear of.
    if ((error as { code?: string }).code === '3D000') return false
    throw error
  } finally {
    await client.end().catch(() => undefined)
  }
}
