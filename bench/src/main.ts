import { writeFile } from 'node:fs/promises'
import { describeMachine } from './describe-machine.js'
import { formatResults } from './format-results.js'
import type { BenchResult, LocalMeasure, Measure } from './measures/measure.js'
import { formatMatcherResults } from './matcher/format-matcher.js'
import { measures } from './measures/index.js'
import { parseArguments, type BenchArguments } from './parse-arguments.js'
import { summarizeProfiles } from './profile/summarize-profiles.js'
import { runWithStack } from './stack/run-with-stack.js'

const INTERRUPTED_CODE = 130
const NAME_WIDTH = 20
const interruption = new AbortController()
let said = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    said += 1
    // Whoever asks twice does not want to wait; the guard of what was started cleans up behind us.
    if (said > 1) process.exit(INTERRUPTED_CODE)
    say('Stopping …')
    interruption.abort(new Error('interrupted'))
  })
}

process.exitCode = await main()

async function main(): Promise<number> {
  const read = parseArguments(
    process.argv.slice(2),
    measures.flatMap((measure) => [measure.name, ...(measure.isLocal ? [measure.group] : [])]),
  )
  if (read.kind === 'run') return runMeasures(read.wanted)
  if (read.kind === 'wrong') console.error(`${read.message}; see --help`)
  else console.log(help())
  return read.kind === 'wrong' ? 2 : 0
}

async function runMeasures(wanted: BenchArguments): Promise<number> {
  const startedAt = new Date()
  const results: BenchResult[] = []
  const failures: string[] = []
  const machine = describeMachine()
  let servers: readonly string[] = []
  console.log(machine)
  for (const measure of measures) {
    if (!isWanted(measure, wanted)) continue
    say(`${measure.name}: ${measure.summary}`)
    try {
      const { profileDir, isQuick = false } = wanted
      const setting = { signal: interruption.signal, ...(profileDir !== undefined && { profileDir }) }
      const sayBelow = (line: string): void => say(`  ${line}`)
      const result = measure.isLocal
        ? await measure.run({ ...setting, say: sayBelow, isQuick, earlier: results })
        : await runWithStack({ ...setting, environment: process.env, say }, async (stack) => {
            if (servers.length === 0) for (const server of stack.servers) console.log(server)
            servers = stack.servers
            return measure.run({ stack, say: sayBelow })
          })
      results.push(result)
    } catch (error) {
      if (interruption.signal.aborted) return INTERRUPTED_CODE
      failures.push(measure.name)
      console.error(`${measure.name} failed:`, error)
    }
  }
  console.log(['', ...formatResults(results), ...formatMatcherResults(results)].join('\n'))
  if (wanted.profileDir !== undefined) console.log((await summarizeProfiles(wanted.profileDir, startedAt)).join('\n'))
  if (wanted.jsonFile !== undefined) {
    const content = { machine, servers, startedAt, results, failures }
    await writeFile(wanted.jsonFile, `${JSON.stringify(content, null, 2)}\n`)
  }
  if (failures.length > 0) console.error(`\nFailed: ${failures.join(', ')}`)
  return failures.length === 0 ? 0 : 1
}

function isWanted(measure: Measure | LocalMeasure, { names, isQuick = false }: BenchArguments): boolean {
  if (names.includes(measure.name)) return true
  if (isQuick && measure.isLocal && measure.isSlow) return false
  return names.length === 0 || (measure.isLocal === true && names.includes(measure.group))
}

/** Progress goes to stderr: what is found stands alone on stdout. */
function say(line: string): void {
  console.error(line)
}

function help(): string {
  return [
    'pnpm bench [NAME …] [--quick] [--json FILE] [--profile DIR]',
    '',
    ...measures.map(({ name, summary }) => `  ${name.padEnd(NAME_WIDTH)}${summary}`),
    `  ${'matcher'.padEnd(NAME_WIDTH)}all of matcher_…`,
    '',
    '  --quick        shorter rounds, for a look: sizes of the matcher up to 100000 alone',
    '  --json FILE    writes the results as JSON, with all details',
    '  --profile DIR  runs the apps under the CPU profiler: writes .cpuprofile files, and prints what took the time',
    '',
    'DATABASE_URL and REDIS_URL name the servers to use; without them, Postgres and Redis are started.',
  ].join('\n')
}
