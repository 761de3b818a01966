// npm start: sets up, then runs everything on this machine until Ctrl-C. `npm start -- --help` tells the options.
import { checkNode, endWithNpm, ensureReady } from './bootstrap.mjs'

endWithNpm()
checkNode()
// Nobody waits for an installation to be told of a misspelt option.
const options = await readArguments(process.argv.slice(2))
await ensureReady()
const { runStart } = await import('../packages/devkit/dist/index.js')
process.exit(await runStart(options, process.env))

async function readArguments(argv) {
  const { parseStartArguments, START_HELP } = await import('../packages/devkit/src/parse-start-arguments.js')
  try {
    const read = parseStartArguments(argv, process.env)
    if (!read.isHelpWanted) return read
    process.stdout.write(START_HELP)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${START_HELP}`)
    process.exit(2)
  }
}
