import { migrateDatabase } from '@signalbox/db'
import pg from 'pg'

export interface TemplateDatabase {
  readonly databaseUrl: string
  drop(): Promise<void>
}

/** Makes a migrated database that test files are given copies of. One of the same name, left by an earlier run, goes. */
export async function createTemplateDatabase(options: {
  readonly serverUrl: string
  readonly name: string
}): Promise<TemplateDatabase> {
  const { serverUrl, name } = options
  const drop = (): Promise<void> =>
    onServer(serverUrl, (client) =>
      client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`),
    )
  await drop()
  await onServer(serverUrl, (client) => client.query(`create database ${client.escapeIdentifier(name)}`))
  const databaseUrl = new URL(serverUrl)
  databaseUrl.pathname = `/${name}`
  await migrateDatabase({ databaseUrl: databaseUrl.href })
  // Postgres copies a database only while nobody is connected to it: nobody may, from now on.
  await onServer(serverUrl, async (client) => {
    await client.query(`alter database ${client.escapeIdentifier(name)} with allow_connections false`)
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  })
  return { databaseUrl: databaseUrl.href, drop }
}

async function onServer(serverUrl: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await run(client)
  } finally {
    await client.end()
  }
}
