import { migrateDatabase } from './migrate.js'

// The one command of this package: images migrate with it before the apps start.
const databaseUrl = process.env['DATABASE_URL']
if (!databaseUrl) {
  process.stderr.write('DATABASE_URL is missing: the PostgreSQL database to migrate\n')
  process.exit(2)
}
const { applied } = await migrateDatabase({ databaseUrl, log: (line) => process.stdout.write(`${line}\n`) })
process.stdout.write(applied.length === 0 ? 'nothing to migrate\n' : `${applied.length} migrations applied\n`)
