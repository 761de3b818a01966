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
