export { checkSchemaDrift } from './check-schema-drift.js'
export { checkMigrated, NEWEST_MIGRATION } from './check-migrated.js'
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
export { createKeyStore, type KeyRecord, type KeyStore } from './key-store.js'
export { type AccountChange, type AccountStore, createAccountStore, type NewAccount } from './account-store.js'
export type { EphemeralOutcome, NewEphemeral } from './create-ephemeral.js'
export type { DeliveryWithAttempts, ListedDelivery, StoredAttempt } from './delivery-row.js'
export { createDeliveryStore, type DeliveryStore } from './delivery-store.js'
export type { Dispatchable, StoredDispatcher } from './dispatcher-row.js'
export {
  createDispatcherStore,
  type DispatcherChange,
  type DispatcherOutcome,
  type DispatcherRefusal,
  type DispatcherStore,
  type NewDispatcher,
} from './dispatcher-store.js'
export type { EndpointChange, EndpointSettings, NewEndpoint, Rotation, Subscription } from './endpoint-input.js'
export type { EndpointMethod, SigningSecret, SigningVersion, StoredEndpoint } from './endpoint-row.js'
export { createEndpointStore, type CreateEndpointOutcome, type EndpointStore } from './endpoint-store.js'
export type { DeliveryQuery } from './list-deliveries.js'
export type { ReplayOutcome } from './replay-delivery.js'
export type { AccountWish } from './resolve-account.js'
export type { RotateOutcome } from './rotate-secret.js'
export type { UpdateEndpointOutcome } from './update-endpoint.js'
export { asStorageError } from './as-storage-error.js'
export { createAcceptStore } from './accept-store.js'
export { createDeliverStore } from './deliver-store.js'
export { createDispatchStore } from './dispatch-store.js'
export { createLeadership, type Leadership } from './leadership.js'
export { type Backlog, createScheduleStore } from './schedule-store.js'
export { createPruneStore } from './prune-store.js'
export {
  createEventStore,
  type CancelOutcome,
  type EventDelivery,
  type EventStore,
  type ExplainableDispatcher,
  type ReplayedEventDelivery,
  type ReplayTarget,
} from './event-store.js'
export type { StoredEventRecord } from './event-row.js'
export type { EventQuery } from './list-events.js'
