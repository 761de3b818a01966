export * from './service.js'
export * from './start-services.js'
