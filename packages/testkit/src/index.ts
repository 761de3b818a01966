export * from './create-test-database.js'
export * from './create-test-redis.js'
export * from './make-event.js'
export * from './seed-two-tenants.js'
