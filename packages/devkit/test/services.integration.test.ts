import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { findFreePort } from '../src/find-free-port.js'
import { findRunAs, relocatedFolder } from '../src/locate-postgres.js'
import { isAlive } from '../src/process-identity.js'
import { startServices, type Services } from '../src/start-services.js'
import { makeTemporaryFolder, until } from './temporary-folder.js'

// An empty environment: neither servers of somebody else nor native ones are found, so that the embedded ones run.
const ENVIRONMENT = {}
const DEVKIT = pathToFileURL(join(__dirname, '..', 'dist', 'index.js')).href

let folder: ReturnType<typeof makeTemporaryFolder>
let services: Services | undefined
beforeEach(() => {
  folder = makeTemporaryFolder()
})
afterEach(async () => {
  await services?.stop()
  services = undefined
  await folder.remove()
})

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

describe('startServices', () => {
  test('the embedded Postgres is 18, durable, private, and keeps its data', async () => {
    const dataDir = join(folder.path, 'data')
    services = await startServices({ dataDir, environment: ENVIRONMENT })
    expect(services.describe.join()).toMatch(/embedded Postgres 18.*embedded Valkey/)
    const settings = await query(
      services.databaseUrl,
      `select name, setting from pg_settings
       where name in ('fsync', 'synchronous_commit', 'listen_addresses', 'max_connections') order by name`,
    )
    expect(settings).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'max_connections', setting: '200' },
      { name: 'synchronous_commit', setting: 'on' },
    ])
    await query(services.databaseUrl, 'create table kept as select 42 as answer')
    const withoutPassword = services.databaseUrl.replace(/:[^:@]+@/, ':wrong@')
    await expect(query(withoutPassword, 'select 1')).rejects.toThrow('password')
    await services.stop()
    services = await startServices({ dataDir, environment: ENVIRONMENT })
    expect(await query(services.databaseUrl, 'select answer from kept')).toEqual([{ answer: 42 }])
  }, 60_000)

  test('a killed Postgres and a killed Redis come back on the same port', async () => {
    let restarts = 0
    services = await startServices({ environment: ENVIRONMENT, onRestart: () => (restarts += 1) })
    const { databaseUrl, postgres, redis } = services
    process.kill(postgres.pid() ?? 0, 'SIGKILL')
    process.kill(redis.pid() ?? 0, 'SIGKILL')
    await until(() => restarts === 2, 30_000)
    expect(await query(databaseUrl, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(isAlive(redis.pid() ?? 0)).toBe(true)
  }, 60_000)

  test('when the process that started them is killed, they end, and a temporary folder goes', async () => {
    const script = `
      const { startServices } = await import(${JSON.stringify(DEVKIT)})
      const { dataDir, postgres, redis } = await startServices({ environment: {} })
      console.log(JSON.stringify({ dataDir, pids: [postgres.pid(), redis.pid()] }))
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(owner.stdout, 'data')) as [Buffer]
    const { dataDir, pids } = JSON.parse(line.toString()) as { dataDir: string; pids: number[] }
    expect(pids.every(isAlive)).toBe(true)
    owner.kill('SIGKILL')
    await until(() => !pids.some(isAlive) && !existsSync(dataDir), 30_000)
  }, 60_000)

  const isRoot = process.getuid?.() === 0
  const asRoot = isRoot ? test : test.skip
  asRoot(
    `as root, a folder that no other account may enter is no obstacle${isRoot ? '' : ' (skipped: we are not root)'}`,
    async () => {
      const dataDir = join(folder.path, 'closed', 'data')
      mkdirSync(join(folder.path, 'closed'), { mode: 0o700 })
      services = await startServices({ dataDir, ephemeral: true, environment: ENVIRONMENT })
      expect(await query(services.databaseUrl, 'select 1 as one')).toEqual([{ one: 1 }])
      const elsewhere = relocatedFolder(join(dataDir, 'postgres'))
      expect(existsSync(elsewhere)).toBe(true)
      await services.stop()
      expect(existsSync(elsewhere)).toBe(false)
    },
    60_000,
  )

  asRoot(
    `as root, only the account of Postgres may pass through the data folder${isRoot ? '' : ' (skipped: we are not root)'}`,
    async () => {
      const dataDir = join(folder.path, 'data')
      services = await startServices({ dataDir, environment: ENVIRONMENT })
      const { mode, gid } = statSync(dataDir)
      expect([(mode & 0o777).toString(8), gid]).toEqual(['710', (await findRunAs())?.gid])
      expect(services.describe[0]).toContain(join(dataDir, 'postgres'))
    },
    60_000,
  )

  test('servers that the environment names are used and left alone', async () => {
    services = await startServices({ environment: ENVIRONMENT })
    const { databaseUrl, redisUrl } = services
    const guests = await startServices({ environment: { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } })
    if (isRoot) expect((statSync(guests.dataDir).mode & 0o777).toString(8)).toBe('700')
    expect(guests).toMatchObject({ databaseUrl, redisUrl })
    expect([guests.postgres.isOurs, guests.redis.isOurs]).toEqual([false, false])
    await guests.stop()
    expect(await query(databaseUrl, 'select 1 as one')).toEqual([{ one: 1 }])
  }, 60_000)
})

test('a port in use is passed over', async () => {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await findFreePort(port)).toBeGreaterThan(port)
  server.close()
  await once(server, 'close')
  expect(await findFreePort(port)).toBe(port)
})
