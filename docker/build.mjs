// Builds what an image needs into /app/image: one app, the packages that it imports, and their production dependencies.
// Run in a copy of the repository: node docker/build.mjs ingest-api
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const image = join(root, 'image')
const app = process.argv[2] ?? ''
const apps = readdirSync(join(root, 'apps'))
if (!apps.includes(app)) {
  console.error(`Name an app to build (--build-arg APP=…): ${apps.join(', ')}`)
  process.exit(2)
}

const { packageManager } = readManifest('.')
const workspaces = [
  'tests',
  'bench',
  ...['apps', 'packages'].flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)),
]
const needed = findNeeded(`apps/${app}`)

const everything = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', '.npmrc']
pnpm(root, ['install', '--frozen-lockfile', '--filter', 'signalbox', '--filter', `@signalbox/${app}...`])
run(root, process.execPath, ['scripts/generate.mjs'])
run(root, join(root, 'node_modules', '.bin', 'tsc'), ['-b', `apps/${app}`])

// The same layout, so that the lock file holds; of the rest only the manifests, which it speaks of.
rmSync(image, { recursive: true, force: true })
mkdirSync(image)
for (const file of everything) cpSync(join(root, file), join(image, file))
for (const workspace of workspaces) {
  cpSync(join(root, workspace, 'package.json'), join(image, workspace, 'package.json'))
}
pnpm(image, ['install', '--frozen-lockfile', '--prod', '--ignore-scripts', '--filter', `@signalbox/${app}...`])
for (const workspace of workspaces) {
  if (!needed.has(workspace)) rmSync(join(image, workspace), { recursive: true })
  else cpSync(join(root, workspace, 'dist'), join(image, workspace, 'dist'), { recursive: true })
}
removeForeignCompilers()
cpSync(join(root, 'prisma'), join(image, 'prisma'), { recursive: true })
cpSync(join(root, 'LICENSE'), join(image, 'LICENSE'))
// The API shows the pages that its own document refers to.
cpSync(join(root, 'docs'), join(image, 'docs'), { recursive: true })

/** The app and the packages of ours that it imports, directly or not. */
function findNeeded(start) {
  const found = new Set([start])
  for (const workspace of found) {
    for (const name of Object.keys(readManifest(workspace).dependencies ?? {})) {
      const folder = `packages/${name.replace('@signalbox/', '')}`
      if (name.startsWith('@signalbox/') && existsSync(join(root, folder))) found.add(folder)
    }
  }
  return found
}

/** Prisma's client brings a query compiler for every kind of database, 50 MB that Postgres never needs. */
function removeForeignCompilers() {
  const store = join(image, 'node_modules', '.pnpm')
  for (const entry of readdirSync(store).filter((name) => name.startsWith('@prisma+client@'))) {
    const folder = join(store, entry, 'node_modules', '@prisma', 'client', 'runtime')
    for (const file of readdirSync(folder)) {
      if (/\.(cockroachdb|mysql|sqlite|sqlserver)\./.test(file)) rmSync(join(folder, file))
    }
  }
}

function readManifest(workspace) {
  return JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'))
}

function pnpm(cwd, args) {
  run(cwd, 'npx', ['--yes', packageManager, ...args])
}

function run(cwd, command, args) {
  execFileSync(command, args, { cwd, stdio: 'inherit' })
}
