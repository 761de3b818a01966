// Sets a fresh clone up: dependencies, the Prisma client, the compiled packages. Plain Node, since nothing else is
// there yet. A second run finds all of it done and takes a moment.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const NODE_MIN = [20, 19]
const INSTALL_STAMP = join(root, 'node_modules', '.signalbox-install')
const GENERATE_STAMP = join(root, 'node_modules', '.signalbox-generate')
const GENERATED_CLIENT = join(root, 'packages', 'db', 'src', 'generated', 'client.ts')
const PROGRESS_AFTER_MS = 10_000
const PARENT_POLL_MS = 500
/** What a group that was told to end has until it is made to. */
const KILL_AFTER_MS = 10_000

/** Signals that ask to end, and the exit codes that they lead to. */
export const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

/** What runs: types of tests are the business of `pnpm check`, and must not keep anything from starting. */
const PROJECTS = [
  ...['ingest-api', 'deliver-worker', 'dispatcher-worker', 'scheduler'].map((app) => `apps/${app}`),
  'packages/devkit',
]

/** Makes everything ready to run; `say` gets progress lines. Exits with a clear message when that can't be. */
export async function ensureReady({ say = (line) => console.log(line), projects = PROJECTS } = {}) {
  checkNode()
  checkWritable()
  try {
    await install(say)
    await generate(say)
    await build(say, projects)
  } catch (error) {
    console.error(`\n${error.message}`)
    process.exit(1)
  }
}

/** Installs the pinned dependencies, when the lock file is another one than last time. */
async function install(say) {
  const stamp = hashOf(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'], process.version)
  if (readStamp(INSTALL_STAMP) === stamp) return
  say('Installing dependencies (once; a minute or two on a fresh machine) …')
  await run(...pnpm(['install', '--frozen-lockfile', '--prefer-offline']), { what: 'Installing', say })
  writeFileSync(INSTALL_STAMP, stamp)
}

/** Makes the Prisma client from the schema, when the schema is another one than last time. */
export async function generate(say) {
  const stamp = hashOf(['prisma/schema.prisma', 'pnpm-lock.yaml'])
  if (readStamp(GENERATE_STAMP) === stamp && existsSync(GENERATED_CLIENT)) return
  say('Generating the database client …')
  await run(binary('prisma'), ['generate'], {
    what: 'Generating',
    say,
    isQuiet: true,
    // Generating needs no schema engine, but the command line would download one: any program keeps it from that.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  })
  writeFileSync(GENERATE_STAMP, stamp)
}

/** Compiles what changed. */
async function build(say, projects) {
  const isFirst = !existsSync(join(root, 'packages', 'devkit', 'dist', 'index.js'))
  if (isFirst) say('Building …')
  await run(binary('tsc'), ['-b', ...projects], { what: 'Building', say })
}

/** Command and arguments that run the pinned pnpm where only npm is there. */
export function pnpm(args) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return [process.platform === 'win32' ? 'npx.cmd' : 'npx', ['--yes', packageManager, ...args]]
}

/**
 * Stops this process, as by a signal, when the npm that started it is gone. Its scripts are run with `exec`, so that a
 * signal to npm reaches us and not a shell in between; but a killed npm passes on nothing.
 */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return
  const npm = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === npm) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_POLL_MS)
  watch.unref()
}

/** Path of a program that a dependency brings. */
export function binary(name) {
  return join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name)
}

/**
 * Runs a program to its end; its output is shown, unless it is quiet and all goes well. A signal ends it with all that it
 * started, and then this process: compilers and package managers run others in between that pass on none.
 */
export function run(command, args, { what, say = () => undefined, isQuiet = false, env = process.env, cwd = root }) {
  return new Promise((resolve, reject) => {
    const stdio = isQuiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit']
    const isWindows = process.platform === 'win32'
    // A shell finds .cmd files on Windows; elsewhere none is in between, and the program gets a group of its own.
    const child = spawn(command, args, { cwd, env, stdio, shell: isWindows, detached: !isWindows })
    let stoppedBy
    const stop = (signal) => {
      if (child.pid === undefined) return
      // Who asks twice does not want to wait.
      if (stoppedBy === undefined) stopGroup(child.pid, signal)
      else signalGroup(child.pid, 'SIGKILL')
      stoppedBy ??= signal
    }
    for (const signal of Object.keys(SIGNALS)) process.on(signal, stop)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
    const startedAt = Date.now()
    const progress = setInterval(() => {
      say(`  … still ${what.toLowerCase()} (${Math.round((Date.now() - startedAt) / 1000)} s)`)
    }, PROGRESS_AFTER_MS)
    const finish = (error) => {
      clearInterval(progress)
      for (const signal of Object.keys(SIGNALS)) process.off(signal, stop)
      if (stoppedBy !== undefined) process.exit(SIGNALS[stoppedBy])
      if (error === undefined) resolve(output)
      else reject(error)
    }
    child.once('error', (error) => finish(new Error(`${what} failed: ${command} can not be run (${error.message})`)))
    child.once('close', (code, signal) => {
      if (code === 0) finish()
      else finish(new Error(`${output}${what} failed (${signal ?? `exit code ${code}`}): ${command} ${args.join(' ')}`))
    })
  })
}

/** Tells a process that leads a group, and all of that, to end, and makes it end after some seconds. */
export function stopGroup(pid, signal) {
  signalGroup(pid, signal)
  setTimeout(() => signalGroup(pid, 'SIGKILL'), KILL_AFTER_MS).unref()
}

/** Signals a process that leads a group, and all of that. */
export function signalGroup(pid, signal) {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch (error) {
    // It has ended.
    if (error.code !== 'ESRCH') throw error
  }
}

/** Exits with a clear message where Node is too old. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return
  console.error(
    `Signalbox needs Node ${NODE_MIN.join('.')} or later; this is ${process.version} (${process.execPath}).`,
  )
  process.exit(1)
}

function checkWritable() {
  try {
    accessSync(root, constants.W_OK)
    mkdirSync(join(root, 'node_modules'), { recursive: true })
    accessSync(join(root, 'node_modules'), constants.W_OK)
  } catch (error) {
    console.error(`Signalbox installs and builds in its own folder, but can not write to ${root} (${error.code}).`)
    console.error('Clone it to a folder of yours, or change who owns this one.')
    process.exit(1)
  }
}

function hashOf(files, ...more) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(root, file)))
  for (const text of more) hash.update(text)
  return hash.digest('hex')
}

function readStamp(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
