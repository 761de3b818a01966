// Writes docs/configuration.md from the configuration schemas of the apps. With --check it only tells whether the page
// is up to date. The apps have to be built.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

const APPS = ['ingest-api', 'deliver-worker', 'dispatcher-worker', 'scheduler']
const PAGE = join(root, 'docs', 'configuration.md')
const HEADER = `# Configuration

<!-- Generated from the apps' \`config.ts\` by \`node scripts/generate-config-docs.mjs\`; \`pnpm check\` fails when it is out of date. -->

Every process reads its configuration from environment variables at its start, and refuses to start with a list of all
that is wrong with them. A variable that is set to the empty string counts as not set.
`
const FOOTER = `
## \`npm start\` and \`npm test\`

| Variable | Default | Meaning |
|---|---|---|
| \`PORT\` | \`3030\` | First port to try for the API; the next free one is taken. |
| \`SIGNALBOX_DATA_DIR\` | \`.signalbox\` | Folder for data, keys and logs of \`npm start\`. |
| \`DATABASE_URL\` | | A Postgres 15 or later to use; without it the embedded one is started. |
| \`REDIS_URL\` | | A Redis or Valkey to use; without it \`redis-server\` or \`valkey-server\` on the \`PATH\`, else the embedded one, is started. |
| \`SECRETS_MASTER_KEYS\` | made once per data folder | As above. |

Everything else in the environment of \`npm start\` is passed on to the apps.
`

const text = render(await collect())
if (process.argv.includes('--check')) {
  if (existsSync(PAGE) && readFileSync(PAGE, 'utf8') === text) process.exit(0)
  console.error('docs/configuration.md is out of date: run node scripts/generate-config-docs.mjs')
  process.exit(1)
}
writeFileSync(PAGE, text)

/** One entry per variable, with the apps that read it. */
async function collect() {
  const { describeConfig } = await import('../packages/runtime/dist/index.js')
  const variables = new Map()
  for (const app of APPS) {
    const { configSchema } = await import(`../apps/${app}/dist/config.js`)
    for (const variable of describeConfig(configSchema)) {
      if (variable.meaning === '') throw new Error(`${variable.name} of ${app} has no description`)
      // The same name with another meaning or default is another entry.
      const key = JSON.stringify(variable)
      const entry = variables.get(key) ?? { ...variable, apps: [] }
      entry.apps.push(app)
      variables.set(key, entry)
    }
  }
  return [...variables.values()]
}

function render(variables) {
  const isEverywhere = ({ apps }) => apps.length === APPS.length
  const sections = [
    ['All processes', variables.filter(isEverywhere)],
    ...APPS.map((app) => [
      `\`${app}\``,
      variables.filter((variable) => !isEverywhere(variable) && variable.apps.includes(app)),
    ]),
  ]
  return `${HEADER}${sections.map(([title, rows]) => renderSection(title, rows)).join('')}${FOOTER}`
}

function renderSection(title, rows) {
  if (rows.length === 0) return ''
  const lines = rows
    .toSorted((one, other) => one.name.localeCompare(other.name, 'en'))
    .map(({ name, required, default: value, meaning }) => {
      const shown = value === undefined ? (required ? '**required**' : '') : value === '' ? 'empty' : `\`${value}\``
      return `| \`${name}\` | ${shown} | ${meaning.replaceAll('|', '\\|').replaceAll('\n', ' ')} |`
    })
  return `\n## ${title}\n\n| Variable | Default | Meaning |\n|---|---|---|\n${lines.join('\n')}\n`
}
