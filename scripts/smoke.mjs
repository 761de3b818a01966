// The smoke test: a clean clone, `npm start` on a machine without a Redis, one event delivered and signed, a clean stop.
// Knows nothing of our code: it uses what a stranger would use. Ends with a line `N passed, N failed`.
import { execFileSync, spawn } from 'node:child_process'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))
const READY_TIMEOUT_MS = 300_000
const ARRIVAL_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 60_000
const POLL_MS = 100
const HIDDEN_PROGRAMS = ['redis-server', 'valkey-server', 'postgres']

const folder = mkdtempSync(join(tmpdir(), 'signalbox-smoke-'))
// As root, Postgres runs under another account, which has to get in.
chmodSync(folder, 0o711)
const clone = join(folder, 'clone')
const dataDir = join(folder, 'data')
const devFile = join(dataDir, 'dev.json')
const totals = { passed: 0, failed: 0 }
let output = ''
let app
let receiver

try {
  await step('a clean clone of HEAD', () => execFileSync('git', ['clone', '--quiet', REPOSITORY, clone]))
  await step('npm start gets ready without Redis and Postgres on the machine', start)
  const dev = JSON.parse(readFileSync(devFile, 'utf8'))
  await step('dev.json is complete and private', () => checkDevFile(dev))
  await step('every process is ready', () => checkHealth(dev))
  await step('an event arrives, signed', () => deliverOne(dev))
  await step('a killed process comes back', () => killOne(dev))
  await step('Ctrl-C stops everything', stop)
  await step('no process is left', checkNothingIsLeft)
} catch (error) {
  totals.failed += 1
  console.error(`FAILED  ${error.stack}`)
  console.error(`--- what npm start printed ---\n${output}`)
} finally {
  receiver?.close()
  if (app !== undefined && app.exitCode === null) {
    app.kill('SIGTERM')
    await Promise.race([once(app, 'exit'), sleep(STOP_TIMEOUT_MS)])
  }
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 ? 0 : 1)

/** Steps build on each other: the first that fails ends the test. */
async function step(name, run) {
  const startedAt = performance.now()
  await Promise.resolve(run()).catch((error) => {
    throw new Error(name, { cause: error })
  })
  totals.passed += 1
  console.log(`passed  ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
}

async function start() {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...environment } = process.env
  app = spawn('npm', ['start', '--', '--no-demo', '--data-dir', dataDir], {
    cwd: clone,
    env: { ...environment, PATH: hidePrograms(environment.PATH ?? '') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [app.stdout, app.stderr]) stream.on('data', (chunk) => (output += chunk))
  await until('dev.json', READY_TIMEOUT_MS, () => {
    if (app.exitCode !== null) throw new Error(`npm start ended with ${app.exitCode}`)
    return existsSync(devFile)
  })
  if (!output.includes('embedded Valkey')) throw new Error('npm start does not say that it uses the embedded Valkey')
  if (!output.includes('embedded Postgres'))
    throw new Error('npm start does not say that it uses the embedded Postgres')
}

/** The PATH with every folder replaced, that holds a server, by one that links to all the rest of it. */
function hidePrograms(path) {
  return path
    .split(delimiter)
    .filter((entry) => existsSync(entry))
    .map((entry, index) => {
      const names = readdirSync(entry)
      if (!names.some((name) => HIDDEN_PROGRAMS.includes(name))) return entry
      const links = join(folder, `path-${index}`)
      mkdirSync(links)
      for (const name of names) if (!HIDDEN_PROGRAMS.includes(name)) symlinkSync(join(entry, name), join(links, name))
      return links
    })
    .join(delimiter)
}

function checkDevFile(dev) {
  const mode = statSync(devFile).mode & 0o777
  if (mode !== 0o600) throw new Error(`dev.json has mode ${mode.toString(8)}`)
  const names = dev.processes
    .map(({ name }) => name)
    .toSorted()
    .join()
  if (names !== 'deliver-worker,dispatcher-worker,ingest-api,scheduler') throw new Error(`processes: ${names}`)
  const environments = dev.tenants.map(
    ({ slug, environments: all }) => `${slug}:${all.map(({ type }) => type).toSorted()}`,
  )
  if (environments.join(' ') !== 'acme:DEVELOPMENT,PRODUCTION globex:DEVELOPMENT,PRODUCTION') {
    throw new Error(`tenants: ${environments.join(' ')}`)
  }
  if (dev.receiverUrl !== null) throw new Error('there is a receiver in spite of --no-demo')
}

async function checkHealth(dev) {
  for (const { name, healthUrl } of dev.processes) {
    const response = await fetch(healthUrl)
    if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`)
  }
}

async function deliverOne(dev) {
  const received = []
  receiver = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({ headers: request.headers, body: Buffer.concat(chunks) })
    response.end('ok')
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const key = dev.tenants
    .find(({ slug }) => slug === 'acme')
    .environments.find(({ type }) => type === 'PRODUCTION').secretKey
  const url = `http://127.0.0.1:${receiver.address().port}/smoke`
  const { secret } = await post(`${dev.apiUrl}/api/v1/webhook-endpoints`, key, { url, events: ['smoke.test'] })
  const event = await post(`${dev.apiUrl}/api/v1/events`, key, {
    event: { name: 'smoke.test', payload: { answer: 42 } },
  })
  await until('the webhook', ARRIVAL_TIMEOUT_MS, () => received.length > 0)
  const [webhook] = received
  const body = JSON.parse(webhook.body)
  if (body.id !== event.id || body.data.answer !== 42) throw new Error(`another event arrived: ${webhook.body}`)
  if (!isSigned(webhook, secret)) throw new Error('the signature is not valid')
  if (isSigned({ ...webhook, body: Buffer.concat([webhook.body, Buffer.from(' ')]) }, secret)) {
    throw new Error('a changed body passes for signed')
  }
}

/** As Standard Webhooks says: HMAC-SHA256 over `id.timestamp.body`, keyed with what follows `whsec_`. */
function isSigned({ headers, body }, secret) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
  const expected = createHmac('sha256', key).update(signed).digest()
  return headers['webhook-signature'].split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

async function killOne(dev) {
  const { pid, healthUrl } = dev.processes.find(({ name }) => name === 'deliver-worker')
  process.kill(pid, 'SIGKILL')
  await until('another process', ARRIVAL_TIMEOUT_MS, async () => {
    const now = JSON.parse(readFileSync(devFile, 'utf8')).processes.find(({ name }) => name === 'deliver-worker')
    if (now.pid === pid) return false
    return fetch(healthUrl).then(
      (response) => response.ok,
      () => false,
    )
  })
}

async function stop() {
  app.kill('SIGINT')
  const exited = app.exitCode === null ? once(app, 'exit') : Promise.resolve([app.exitCode])
  const [code] = await Promise.race([exited, sleep(STOP_TIMEOUT_MS, ['nothing, in time'])])
  if (code !== 0) throw new Error(`npm start ended with ${code}`)
  if (existsSync(devFile)) throw new Error('dev.json is still there')
}

/** Looks at every process of the machine: none may know of our folder. */
async function checkNothingIsLeft() {
  let left = []
  await until('the last process to end', STOP_TIMEOUT_MS, () => {
    left = listCommands().filter((command) => command.includes(folder))
    return left.length === 0
  }).catch(() => {
    throw new Error(`still running:\n${left.join('\n')}`)
  })
}

/** The command lines of all processes; small systems have no `ps`. */
function listCommands() {
  if (!existsSync('/proc/self/cmdline')) {
    return execFileSync('ps', ['-eo', 'command'], { encoding: 'utf8' }).split('\n')
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
}

async function post(url, key, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`POST ${url} answered ${response.status}: ${text}`)
  return JSON.parse(text)
}

async function until(what, timeoutMs, isSo) {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await sleep(POLL_MS)) {
    if (await isSo()) return
  }
  throw new Error(`${what} did not come within ${timeoutMs / 1000} s`)
}
