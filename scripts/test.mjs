// npm test: everything, on a Postgres and a Redis of its own. Ends with a line `N passed, N failed`.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary, endWithNpm, ensureReady, root, signalGroup, SIGNALS, stopGroup } from './bootstrap.mjs'

const HELP = `npm test -- [options] [paths] [jest options]

Runs unit, property, vector, integration and e2e tests, then the fault tests one after another.

  --unit     only the tests that need no Postgres and no Redis
  --help     this text

DATABASE_URL and REDIS_URL name servers to use instead of starting any.
`
const TEMPLATE = 'signalbox_template'
const FAULT_TESTS = '[\\\\/]tests[\\\\/]fault[\\\\/]'
const SERVICE_TESTS = '\\.integration\\.test\\.ts$|[\\\\/]tests[\\\\/](e2e|fault|gates|proofs)[\\\\/]'
const NEVER = '[\\\\/](node_modules|dist)[\\\\/]'
const WRITTEN_REASON = /\(skipped: [^)]{3,}\)/

const givenArguments = process.argv.slice(2)
if (givenArguments.includes('--help')) {
  console.log(HELP)
  process.exit(0)
}
const isUnitOnly = givenArguments.includes('--unit')
const jestArguments = givenArguments.filter((argument) => argument !== '--unit')

let services
let dropTemplate = async () => undefined
let running
let interrupted
for (const [signal, code] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    interrupted ??= code
    running?.stop()
  })
}

endWithNpm()
await ensureReady()
const resultsFolder = mkdtempSync(join(tmpdir(), 'signalbox-results-'))
const totals = { passed: 0, failed: 0, skipped: 0 }
try {
  const environment = isUnitOnly ? process.env : await startEnvironment()
  if (isUnitOnly) {
    await runJest({ environment, flags: [ignore(NEVER, SERVICE_TESTS)] })
  } else {
    await runJest({ environment, flags: [ignore(NEVER, FAULT_TESTS)] })
    // Fault tests kill processes and stop services: one at a time, when nothing else runs.
    await runJest({ environment, flags: ['--runInBand', ignore(NEVER, `^(?!.*${FAULT_TESTS})`)] })
  }
} catch (error) {
  if (interrupted === undefined) {
    console.error(error)
    totals.failed += 1
  }
} finally {
  rmSync(resultsFolder, { recursive: true, force: true })
  await dropTemplate()
  await services?.stop()
}
finish()

async function startEnvironment() {
  const { createTemplateDatabase, startServices } = await import('../packages/devkit/dist/index.js')
  services = await startServices({ ephemeral: true, environment: process.env, say: (line) => console.log(line) })
  for (const line of services.describe) console.log(`Tests use ${line}`)
  const { databaseUrl, redisUrl } = services
  const template = await createTemplateDatabase({ serverUrl: databaseUrl, name: TEMPLATE })
  // On a server of somebody else nothing of ours stays behind.
  if (!services.postgres.isOurs) dropTemplate = template.drop
  return {
    ...process.env,
    TEST_DATABASE_URL: databaseUrl,
    TEST_TEMPLATE_DATABASE: TEMPLATE,
    TEST_REDIS_URL: redisUrl,
  }
}

/** Runs jest once and adds up what it reports. */
async function runJest({ environment, flags }) {
  if (interrupted !== undefined) return
  const outputFile = join(resultsFolder, 'results.json')
  rmSync(outputFile, { force: true })
  // The patterns come last: jest would take paths behind them for more patterns.
  const fixed = ['--json', `--outputFile=${outputFile}`, '--passWithNoTests', '--testLocationInResults']
  const exitCode = await new Promise((resolve, reject) => {
    const child = spawn(binary('jest'), [...jestArguments, ...fixed, ...flags], {
      cwd: root,
      env: environment,
      // Its report goes to stderr; the JSON that it also prints goes nowhere.
      stdio: ['ignore', 'ignore', 'inherit'],
      // A group of its own, so that it and its workers can be stopped together.
      detached: true,
    })
    services?.guard.watch({ pid: child.pid, stopSignal: 'SIGTERM' })
    running = { stop: () => stopGroup(child.pid, 'SIGTERM') }
    child.once('error', reject)
    child.once('exit', (code) => {
      services?.guard.unwatch(child.pid)
      // Whatever a test file left running ends with it.
      signalGroup(child.pid, 'SIGKILL')
      running = undefined
      resolve(code)
    })
  })
  if (interrupted === undefined) addResults(outputFile, exitCode)
}

function addResults(outputFile, exitCode) {
  let results
  try {
    results = JSON.parse(readFileSync(outputFile, 'utf8'))
  } catch {
    console.error(`jest ended with exit code ${exitCode} and without results`)
    totals.failed += 1
    return
  }
  totals.passed += results.numPassedTests
  // A file that can't even be loaded has no tests to count, and is one failure.
  totals.failed += results.numFailedTests + results.numRuntimeErrorTestSuites
  if (exitCode !== 0 && results.success) totals.failed += 1
  const isNameFiltered = jestArguments.some((argument) => /^(-t|--testNamePattern)/.test(argument))
  if (isNameFiltered) return
  for (const file of results.testResults) {
    for (const test of file.assertionResults) {
      if (!['pending', 'todo', 'skipped', 'disabled'].includes(test.status)) continue
      totals.skipped += 1
      if (WRITTEN_REASON.test(test.fullName)) continue
      console.error(`Skipped without a written reason, "(skipped: …)" in its title: ${test.fullName} (${file.name})`)
      totals.failed += 1
    }
  }
}

function ignore(...patterns) {
  return `--testPathIgnorePatterns=${patterns.join('|')}`
}

function finish() {
  if (interrupted !== undefined) {
    console.log('Interrupted.')
    process.exit(interrupted)
  }
  if (totals.passed + totals.failed === 0) {
    console.error('No test ran.')
    totals.failed = 1
  }
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
  process.exit(totals.failed === 0 ? 0 : 1)
}
