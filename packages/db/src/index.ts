export { checkSchemaDrift } from './check-schema-drift.js'
export { migrateDatabase, type MigrateOptions } from './migrate.js'
export {
  createSecretBox,
  type SecretBox,
  SecretBoxError,
  type SecretBoxErrorCode,
  type SecretRow,
  toRowIdentity,
} from './secret-box.js'
export { createDatabase, type Database, type DatabaseOptions } from './create-database.js'
export { hashKey } from './hash-key.js'
export { isStorageUnavailable } from './is-storage-unavailable.js'
export { seedTenants, type SeededTenant, type SeedTenantInput } from './seed-tenants.js'
