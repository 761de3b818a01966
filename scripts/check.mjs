// pnpm check: types, lint, boundaries, dead code, format, schema drift, generated documentation. Runs them all, even
// when one fails. Ends with a line `N passed, N failed`.
import { binary, ensureReady, root, run } from './bootstrap.mjs'

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const offline = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }

const STEPS = {
  types: () => run(binary('tsc'), ['-b'], quiet('types')),
  lint: () => run(binary('oxlint'), ['--type-aware', '--deny-warnings'], quiet('lint')),
  boundaries: () => run(binary('turbo'), ['boundaries', '--no-color'], { ...quiet('boundaries'), env: offline }),
  'dead code': () => run(binary('knip'), ['--no-progress', '--no-config-hints'], quiet('dead code')),
  format: () => run(binary('oxfmt'), ['--check', '.'], quiet('format')),
  'configuration docs': () =>
    run(process.execPath, ['scripts/generate-config-docs.mjs', '--check'], quiet('configuration docs')),
  'schema drift': checkSchema,
}

if (process.argv.includes('--help')) {
  console.log(
    `pnpm check [step …]\n\nSteps: ${Object.keys(STEPS)
      .map((name) => name.replace(' ', '-'))
      .join(', ')}. Without any: all.`,
  )
  process.exit(0)
}
const chosen = Object.keys(STEPS).filter((name) => wanted.length === 0 || wanted.includes(name.replace(' ', '-')))
if (chosen.length === 0) {
  console.error(`There is no step ${wanted.join(', ')}; see --help`)
  process.exit(2)
}

await ensureReady()
let failed = 0
for (const name of chosen) {
  const startedAt = performance.now()
  const problem = await STEPS[name]().then(
    () => undefined,
    (error) => error.message,
  )
  if (problem !== undefined) failed += 1
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${problem === undefined ? 'passed' : 'FAILED'}  ${name} (${seconds} s)`)
  if (problem !== undefined) console.log(`${problem.trim().replaceAll(/^/gm, '        ')}\n`)
}
console.log(`${chosen.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

function quiet(what) {
  return { what, isQuiet: true, cwd: root }
}

/** Whether the migrations build what the schema says, told by Prisma's own engine on an empty Postgres. */
async function checkSchema() {
  const { checkSchemaDrift } = await import('../packages/db/dist/index.js')
  const { startServices } = await import('../packages/devkit/dist/index.js')
  const services = await startServices({ ephemeral: true, environment: process.env })
  try {
    const missing = await checkSchemaDrift({ databaseUrl: services.databaseUrl })
    if (missing !== undefined) throw new Error(`The migrations do not build schema.prisma; missing:\n${missing}`)
  } finally {
    await services.stop()
  }
}
