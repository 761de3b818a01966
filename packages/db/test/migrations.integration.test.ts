import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestDatabase, type TestDatabase } from '@signalbox/testkit'
import pg from 'pg'
import { checkSchemaDrift, migrateDatabase } from '../src/index.js'

const PRISMA_FOLDER = join(__dirname, '../../../prisma')

let testDatabase: TestDatabase
let folder: string
let made: string[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  folder = mkdtempSync(join(tmpdir(), 'signalbox-prisma-'))
  cpSync(PRISMA_FOLDER, folder, { recursive: true })
})

afterEach(async () => {
  for (const databaseUrl of made) {
    const name = new URL(databaseUrl).pathname.slice(1)
    await query(testDatabase.databaseUrl, `drop database if exists ${name} with (force)`)
  }
  made = []
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await testDatabase?.drop()
})

/** Names a database that is not there yet. */
function nameDatabase(): string {
  const url = new URL(testDatabase.databaseUrl)
  url.pathname = `/test_${randomBytes(8).toString('hex')}`
  made.push(url.href)
  return url.href
}

async function query(databaseUrl: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}

describe('migrating', () => {
  test('makes the database, applies every migration once, and does nothing more', async () => {
    const databaseUrl = nameDatabase()
    const { applied } = await migrateDatabase({ databaseUrl })
    expect(applied).toEqual([expect.stringMatching(/_init$/)])
    expect(await migrateDatabase({ databaseUrl })).toEqual({ applied: [] })
    const { rows } = await query(
      databaseUrl,
      'select migration_name from _prisma_migrations where finished_at is not null',
    )
    expect(rows).toEqual([{ migration_name: applied[0] }])
  })

  test('by several processes at once applies every migration once', async () => {
    const databaseUrl = nameDatabase()
    const results = await Promise.all([1, 2, 3, 4].map(() => migrateDatabase({ databaseUrl })))
    expect(results.flatMap((result) => result.applied)).toHaveLength(1)
  })
})

describe('the schema in the migrations and in schema.prisma', () => {
  test('are the same', async () => {
    expect(await checkSchemaDrift({ databaseUrl: testDatabase.databaseUrl })).toBeUndefined()
  })

  test('differ when a column is added to one of them', async () => {
    const path = join(folder, 'schema.prisma')
    const schema = readFileSync(path, 'utf8')
    writeFileSync(path, schema.replace(/^model Organization \{$/m, 'model Organization {\n  motto String?'))
    const drift = await checkSchemaDrift({ databaseUrl: testDatabase.databaseUrl, prismaFolder: folder })
    expect(drift).toMatch(/"?motto"?/)
    writeFileSync(path, schema)
    expect(await checkSchemaDrift({ databaseUrl: testDatabase.databaseUrl, prismaFolder: folder })).toBeUndefined()
  })
})

describe('what every table of a tenant keeps to', () => {
  /** Looked up before the tenant is known, or the tenant itself. */
  const exceptions = new Set(['organizations_pkey', 'organizations_slug_key', 'api_keys_key_hash_key'])

  test('every primary key and unique index begins with the organization', async () => {
    const { rows } = await query(
      testDatabase.databaseUrl,
      `select c.relname as name, a.attname as first from pg_index i
       join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
       join pg_namespace n on n.oid = t.relnamespace and n.nspname = 'public'
       join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
       where i.indisunique and t.relname not like '\\_prisma%'`,
    )
    expect(rows.length).toBeGreaterThan(12)
    const wrong = rows.filter((row) => row.first !== 'organization_id' && !exceptions.has(row.name))
    expect(wrong).toEqual([])
  })

  test('every foreign key begins with the organization, so that no reference can lead to another tenant', async () => {
    const { rows } = await query(
      testDatabase.databaseUrl,
      `select c.conname as name, a.attname as first from pg_constraint c
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] where c.contype = 'f'`,
    )
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.filter((row) => row.first !== 'organization_id')).toEqual([])
  })
})
