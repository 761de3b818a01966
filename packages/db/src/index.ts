export { checkSchemaDrift } from './check-schema-drift.js'
export { migrateDatabase, type MigrateOptions } from './migrate.js'
