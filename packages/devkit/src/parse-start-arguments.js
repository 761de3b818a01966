// Plain JavaScript: `npm start` reads its arguments before anything is installed or built.
import { parseArgs } from 'node:util'

/** The text of `npm start -- --help`. */
export const START_HELP = `npm start -- [options]

Runs Signalbox on this machine: Postgres, Redis, the four apps, two tenants and a demo receiver, which gets acme's
production events demo.* and what else is sent there.

  --port N        first port to try for the API (PORT; 3030)
  --data-dir D    where data, keys and logs are kept (SIGNALBOX_DATA_DIR; .signalbox)
  --reset         forget all data first, the keys too: new ones are made and printed
  --no-demo       without the demo receiver and its event; disables the webhook of an earlier demo
  --help          this text

Environment: PORT, SIGNALBOX_DATA_DIR; DATABASE_URL and REDIS_URL name servers to use instead of starting any;
EGRESS_ALLOW names what webhooks may reach beyond loopback and public addresses (docs/security-egress.md);
SHUTDOWN_GRACE_MS is how long work may take to finish after Ctrl-C (5000 here).
Ctrl-C stops everything.
`

const PORT_DEFAULT = 3030
const PORT_MAX = 65_535
const DATA_DIR_DEFAULT = '.signalbox'

const OPTIONS = /** @type {const} */ ({
  port: { type: 'string' },
  'data-dir': { type: 'string' },
  reset: { type: 'boolean', default: false },
  'no-demo': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
})

/** How npm tells of options that it took for its own, and what was meant. `--help` it answers itself. */
const SWALLOWED = {
  npm_config_port: '--port N',
  npm_config_data_dir: '--data-dir D',
  npm_config_reset: '--reset',
  npm_config_demo: '--no-demo',
}

/**
 * Reads the command line and the environment. Throws an Error that says what is wrong with them.
 *
 * @param {readonly string[]} argv
 * @param {import('./config.js').Environment} environment
 * @returns {import('./start-arguments.js').StartArguments}
 */
export function parseStartArguments(argv, environment) {
  refuseSwallowed(argv, environment)
  const { values } = parseArgs({ args: [...argv], options: OPTIONS })
  return {
    isHelpWanted: values.help,
    isReset: values.reset,
    hasDemo: !values['no-demo'],
    port: parsePort(values.port ?? (environment['PORT'] || String(PORT_DEFAULT))),
    dataDir: parseDataDir(values['data-dir'] ?? (environment['SIGNALBOX_DATA_DIR'] || DATA_DIR_DEFAULT)),
  }
}

/**
 * Options without a `--` before them are npm's, which passes none on. They are not acted on: of `--port 5000` the name and
 * the number come apart, and to forget all data takes to be asked plainly. What is also passed on is npm's own business.
 *
 * @param {readonly string[]} argv
 * @param {import('./config.js').Environment} environment
 */
function refuseSwallowed(argv, environment) {
  if (environment['npm_lifecycle_event'] !== 'start') return
  const isPassedOn = (/** @type {string} */ option) => argv.some((one) => option.startsWith(one.split('=')[0] ?? ''))
  const meant = Object.entries(SWALLOWED).flatMap(([name, option]) =>
    environment[name] === undefined || isPassedOn(option) ? [] : [option],
  )
  if (meant.length === 0) return
  throw new Error(`npm took ${meant.join(' and ')} for itself. Write: npm start -- ${meant.join(' ')}`)
}

/** @param {string} text */
function parseDataDir(text) {
  if (text.trim() !== '') return text
  throw new Error('--data-dir names a folder, and not nothing')
}

/** @param {string} text */
function parsePort(text) {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= PORT_MAX) return port
  throw new Error(`A port is a number from 1 to ${PORT_MAX}, and not "${text}"`)
}
