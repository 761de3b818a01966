import { writeFile } from 'node:fs/promises'
import { describeMachine } from './describe-machine.js'
import { formatResults } from './format-results.js'
import type { BenchResult } from './measures/measure.js'
import { measures } from './measures/index.js'
import { parseArguments, type BenchArguments } from './parse-arguments.js'
import { summarizeProfiles } from './profile/summarize-profiles.js'
import { runWithStack } from './stack/run-with-stack.js'

const INTERRUPTED_CODE = 130
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
    measures.map(({ name }) => name),
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
    if (wanted.names.length > 0 && !wanted.names.includes(measure.name)) continue
    say(`${measure.name}: ${measure.summary}`)
    try {
      const { profileDir } = wanted
      const setting = { environment: process.env, signal: interruption.signal, say, ...(profileDir && { profileDir }) }
      const result = await runWithStack(setting, async (stack) => {
        if (servers.length === 0) for (const server of stack.servers) console.log(server)
        servers = stack.servers
        return measure.run({ stack, say: (line) => say(`  ${line}`) })
      })
      results.push(result)
    } catch (error) {
      if (interruption.signal.aborted) return INTERRUPTED_CODE
      failures.push(measure.name)
      console.error(`${measure.name} failed:`, error)
    }
  }
  console.log(['', ...formatResults(results)].join('\n'))
  if (wanted.profileDir !== undefined) console.log((await summarizeProfiles(wanted.profileDir, startedAt)).join('\n'))
  if (wanted.jsonFile !== undefined) {
    const content = { machine, servers, startedAt, results, failures }
    await writeFile(wanted.jsonFile, `${JSON.stringify(content, null, 2)}\n`)
  }
  if (failures.length > 0) console.error(`\nFailed: ${failures.join(', ')}`)
  return failures.length === 0 ? 0 : 1
}

/** Progress goes to stderr: what is found stands alone on stdout. */
function say(line: string): void {
  console.error(line)
}

function help(): string {
  return [
    'pnpm bench [NAME …] [--json FILE] [--profile DIR]',
    '',
    ...measures.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`),
    '',
    '  --json FILE    writes the results as JSON, with all details',
    '  --profile DIR  runs the apps under the CPU profiler: writes .cpuprofile files, and prints what took the time',
    '',
    'DATABASE_URL and REDIS_URL name the servers to use; without them, Postgres and Redis are started.',
  ].join('\n')
}
