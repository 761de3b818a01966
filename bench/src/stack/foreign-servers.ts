import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { readProcess } from '../usage/read-process.js'

const KEYS_AT_ONCE = 500
const REDIS_NAMES = /^(redis|valkey)-server/

/** The address of another database on the same server. */
export function withDatabase(databaseUrl: string, name: string): string {
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  return url.href
}

/** Makes a database on somebody else's server. */
export async function makeDatabase(databaseUrl: string, name: string): Promise<void> {
  await query(databaseUrl, `create database ${pg.escapeIdentifier(name)}`)
}

/** Removes the database that the bench made on somebody else's server. */
export async function dropDatabase(databaseUrl: string, name: string): Promise<void> {
  await query(databaseUrl, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
}

/** Removes the keys that the bench made on somebody else's server. */
export async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  await withRedis(redisUrl, async (redis) => {
    for await (const keys of redis.scanStream({ match: `*${prefix}*`, count: KEYS_AT_ONCE })) {
      if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]))
    }
  })
}

/** The id of the server's main process, when it runs on this machine where we can see it. */
export async function findPostgresPid(pool: pg.Pool): Promise<number | undefined> {
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
  const backend = rows[0] && readProcess(rows[0].pid)
  if (backend === undefined) return undefined
  return (await readName(backend.parentPid)).startsWith('postgres') ? backend.parentPid : undefined
}

/** The id of the server's process, when it runs on this machine where we can see it. */
export async function findRedisPid(redisUrl: string): Promise<number | undefined> {
  const info = await withRedis(redisUrl, (redis) => redis.info('server'))
  const pid = Number(/process_id:(\d+)/.exec(info)?.[1])
  return REDIS_NAMES.test(await readName(pid)) ? pid : undefined
}

async function query(databaseUrl: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

async function readName(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
}

async function withRedis<Result>(url: string, use: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  redis.on('error', () => undefined)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}
