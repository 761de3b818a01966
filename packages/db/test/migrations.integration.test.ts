import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestDatabase, type TestDatabase } from '@signalbox/testkit'
import pg from 'pg'
import { checkMigrated, checkSchemaDrift, createDatabase, migrateDatabase, NEWEST_MIGRATION } from '../src/index.js'

const PRISMA_FOLDER = join(__dirname, '../../../prisma')

/** All of them, oldest first. */
const MIGRATIONS = readdirSync(join(PRISMA_FOLDER, 'migrations'))
  .filter((name) => !name.endsWith('.toml'))
  .toSorted()

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

describe('being ready', () => {
  test('asks for the newest migration', () => {
    expect(NEWEST_MIGRATION).toBe(MIGRATIONS.at(-1))
  })

  test('is so once that is applied, and says before that what is to be done', async () => {
    const databaseUrl = nameDatabase()
    await query(testDatabase.databaseUrl, `create database ${new URL(databaseUrl).pathname.slice(1)}`)
    const database = createDatabase({ url: databaseUrl, poolMax: 1 })
    try {
      await expect(checkMigrated(database.pool)).rejects.toThrow(/not migrated .* run migrate-cli/)
      await migrateDatabase({ databaseUrl })
      await expect(checkMigrated(database.pool)).resolves.toBeUndefined()
      await database.pool.query('delete from _prisma_migrations where migration_name = $1', [NEWEST_MIGRATION])
      await expect(checkMigrated(database.pool)).rejects.toThrow(/not migrated/)
    } finally {
      await database.close()
    }
  })
})

describe('migrating', () => {
  test('makes the database, applies every migration once, and does nothing more', async () => {
    const databaseUrl = nameDatabase()
    const { applied } = await migrateDatabase({ databaseUrl })
    expect(applied).toEqual(MIGRATIONS)
    expect(await migrateDatabase({ databaseUrl })).toEqual({ applied: [] })
    const { rows } = await query(
      databaseUrl,
      'select migration_name from _prisma_migrations where finished_at is not null',
    )
    expect(rows.map((row) => row.migration_name).toSorted()).toEqual(applied)
  })

  test('by several processes at once applies every migration once', async () => {
    const databaseUrl = nameDatabase()
    const results = await Promise.all([1, 2, 3, 4].map(() => migrateDatabase({ databaseUrl })))
    expect(results.flatMap((result) => result.applied)).toEqual(MIGRATIONS)
  })
})

describe('migrating what is there', () => {
  const ids = (n: number) => `00000000-0000-7000-8000-00000000000${n}`

  test('follows dispatchers by version from the version that their set has, and counts those that live', async () => {
    const databaseUrl = nameDatabase()
    const first = join(folder, 'first')
    cpSync(PRISMA_FOLDER, first, { recursive: true })
    for (const name of MIGRATIONS.slice(1)) rmSync(join(first, 'migrations', name), { recursive: true })
    expect(await migrateDatabase({ databaseUrl, prismaFolder: first })).toEqual({ applied: MIGRATIONS.slice(0, 1) })
    await query(
      databaseUrl,
      `insert into organizations (id, slug, name) values ('${ids(1)}', 'a', 'a');
       insert into projects (organization_id, id, slug, name) values ('${ids(1)}', '${ids(2)}', 'p', 'p');
       insert into runtime_environments (organization_id, id, project_id, type, slug)
       select '${ids(1)}', id::uuid, '${ids(2)}', 'PRODUCTION', id from unnest(array['${ids(3)}', '${ids(4)}']) id;
       insert into dispatcher_sets values ('${ids(1)}', '${ids(3)}', 7);
       insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
         dispatchable_id, dispatchable, updated_at, deleted_at)
       select '${ids(1)}', environment::uuid, gen_random_uuid(), '{x}', 's', 'SEARCH', n::text, '{}', '2020-01-01',
         case when n > 3 then now() end
       from unnest(array['${ids(3)}', '${ids(4)}']) environment, generate_series(1, 5) n`,
    )
    expect(await migrateDatabase({ databaseUrl })).toEqual({ applied: MIGRATIONS.slice(1) })
    const sets = await query(
      databaseUrl,
      'select version::int, pruned_version::int, live_count from dispatcher_sets order by environment_id',
    )
    expect(sets.rows).toEqual([
      { version: 7, pruned_version: 0, live_count: 3 },
      { version: 1, pruned_version: 0, live_count: 3 },
    ])
    const rows = await query(
      databaseUrl,
      `select distinct set_version::int, filter_language, is_counted = (deleted_at is null) as is_right,
         updated_at = '2020-01-01' as is_unchanged from event_dispatchers`,
    )
    expect(rows.rows).toEqual([{ set_version: 0, filter_language: 'signalbox', is_right: true, is_unchanged: true }])
    const change = (set: string) => `update event_dispatchers set ${set} where dispatchable_id = '1'
      returning updated_at = '2020-01-01' as is_unchanged`
    expect((await query(databaseUrl, change('set_version = 8'))).rows[0]).toEqual({ is_unchanged: true })
    expect((await query(databaseUrl, change(`source = 't'`))).rows[0]).toEqual({ is_unchanged: false })
    await expect(query(databaseUrl, change(`filter_language = 'sql'`))).rejects.toMatchObject({ code: '23514' })
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
