import type pg from 'pg'

/** The newest of the folders in prisma/migrations: the schema that this code needs. */
export const NEWEST_MIGRATION = '20261201000000_keep_the_last_attempt_with_its_delivery'

/**
 * Asks Postgres whether the schema that this code needs is there; newer ones do too. Rejects when it is not, or when Postgres
 * does not answer. Relies on nothing: a few rows.
 */
export async function checkMigrated(pool: Pick<pg.Pool, 'query'>): Promise<void> {
  if (await hasMigration(pool, NEWEST_MIGRATION)) return
  throw new Error(`the database is not migrated to ${NEWEST_MIGRATION}: run migrate-cli.js`)
}

const TABLE_MISSING = '42P01'

async function hasMigration(pool: Pick<pg.Pool, 'query'>, name: string): Promise<boolean> {
  try {
    const { rowCount } = await pool.query(
      'select from _prisma_migrations where migration_name = $1 and finished_at is not null and rolled_back_at is null',
      [name],
    )
    return rowCount !== 0
  } catch (error) {
    if ((error as { code?: unknown }).code === TABLE_MISSING) return false
    throw error
  }
}
