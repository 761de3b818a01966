import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** A database of one test file: a copy of the migrated template. */
export interface TestDatabase {
  databaseUrl: string
  drop(): Promise<void>
}

/** Any number that no other program takes: copies of one template are made one after another. */
const CLONE_LOCK = 7_204_551_003

/** Copies the migrated template database named by TEST_TEMPLATE_DATABASE on the server TEST_DATABASE_URL. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = readVariable('TEST_DATABASE_URL')
  const template = readVariable('TEST_TEMPLATE_DATABASE')
  const name = `test_${randomBytes(8).toString('hex')}`
  await runOnServer(serverUrl, async (client) => {
    // Postgres refuses to copy a database that another session is copying.
    await client.query('select pg_advisory_lock($1)', [CLONE_LOCK])
    await client.query(`create database ${name} template ${client.escapeIdentifier(template)}`)
  })
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    databaseUrl: url.href,
    drop: () => runOnServer(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`)),
  }
}

async function runOnServer(serverUrl: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const url = new URL(serverUrl)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await run(client)
  } finally {
    await client.end()
  }
}

function readVariable(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run the tests with \`npm test\`, which starts what they need`)
  return value
}
