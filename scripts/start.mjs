// npm start: sets up, then runs everything on this machine until Ctrl-C. `npm start -- --help` tells the options.
import { ensureReady, endWithNpm } from './bootstrap.mjs'

endWithNpm()
await ensureReady()
const { runStart } = await import('../packages/devkit/dist/index.js')
process.exit(await runStart(process.argv.slice(2), process.env))
