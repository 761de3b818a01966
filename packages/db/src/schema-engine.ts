import { randomUUID } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import type { MigrationList, SchemaEngine, SchemasContainer } from '@prisma/schema-engine-wasm'

/** Where the repository keeps the schema and its migrations, seen from this package's compiled files. */
export const prismaFolder = path.resolve(import.meta.dirname, '../../../prisma')

/**
 * Runs Prisma's own schema engine, compiled to WebAssembly, on a database. It writes the official
 * `_prisma_migrations` rows, so `prisma migrate deploy` stays usable beside it.
 */
export async function withSchemaEngine<Result>(
  databaseUrl: string,
  schemas: SchemasContainer | undefined,
  use: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  await (instantiated ??= instantiate(bindings))
  const opened: Adapter[] = []
  const adapter = bindMigrationAwareSqlAdapterFactory(createScriptAdapterFactory(databaseUrl, opened))
  const datamodels = schemas?.files.map((file): [string, string] => [file.path, file.content])
  try {
    return await use(await bindings.SchemaEngine.new({ datamodels }, () => undefined, adapter))
  } finally {
    // The engine leaves its connections to time out; a process that is done would wait for them.
    await Promise.all(opened.map((one) => one.dispose().catch(() => undefined)))
  }
}

// The stock adapter cuts scripts at every semicolon, also inside a function's body: here a script goes to Postgres whole.
// And it drops the shadow database before it has closed its own connections to it: here the order is the other one.
function createScriptAdapterFactory(databaseUrl: string, opened: Adapter[]): PrismaPg {
  const fields = connectionFields(databaseUrl)
  const factory = new PrismaPg(fields)
  const connect = factory.connect.bind(factory)
  factory.connect = async () => {
    const adapter = mendAdapter(await connect())
    opened.push(adapter)
    return adapter
  }
  factory.connectToShadowDb = async () => {
    const server = await factory.connect()
    const database = `signalbox_shadow_${randomUUID().replaceAll('-', '')}`
    await server.executeScript(`create database ${database}`)
    const shadow = mendAdapter(await new PrismaPg({ ...fields, database }).connect())
    const disposeShadow = shadow.dispose.bind(shadow)
    shadow.dispose = async () => {
      await disposeShadow()
      await server.executeScript(`drop database ${database}`)
    }
    return shadow
  }
  return factory
}

// Fields, not a connection string: a string would win over the name of the shadow database.
function connectionFields(databaseUrl: string): {
  host: string
  port: number
  user: string
  password: string
  database: string
} {
  const url = new URL(databaseUrl)
  return {
    host: decodeURIComponent(url.hostname) || (url.searchParams.get('host') ?? 'localhost'),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.searchParams.get('sslmode') && url.searchParams.get('sslmode') !== 'disable' ? { ssl: true } : {}),
  }
}

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>

function mendAdapter(adapter: Adapter): Adapter {
  const pool = adapter.underlyingDriver()
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<{ fields?: { dataTypeID: number }[] }>
  const charColumns = new Map<string, number[]>()
  const queryWithoutChar = async (config: { text: string }) => {
    const result = await query(config)
    const found: number[] = []
    for (const [index, field] of (result.fields ?? []).entries()) {
      if (field.dataTypeID !== OID_CHAR) continue
      field.dataTypeID = OID_TEXT
      found.push(index)
    }
    charColumns.set(config.text, found)
    return result
  }
  pool.query = queryWithoutChar as unknown as typeof pool.query
  const queryRaw = adapter.queryRaw.bind(adapter)
  adapter.queryRaw = async (request) => {
    const result = await queryRaw(request)
    for (const index of charColumns.get(request.sql) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character
    return result
  }
  adapter.executeScript = async (script) => {
    await query(script)
  }
  return adapter
}

// The catalogue's one-letter columns have a type that the adapter does not know: read as text, passed on as a character.
const OID_CHAR = 18
const OID_TEXT = 25

// The part of WebAssembly's interface that is used here; TypeScript has it only with the DOM's types.
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>
  instantiate(module: object, imports: Record<string, object>): Promise<{ exports: Record<string, () => void> }>
}

// The bindings keep views of one instance's memory in their own module, so there is one instance for each process.
let instantiated: Promise<void> | undefined

// Node 20 cannot import a .wasm file as a module, so it is read and instantiated by hand.
async function instantiate(bindings: object): Promise<void> {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi }
  const folder = path.dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
  const module = await WebAssembly.compile(await readFile(path.join(folder, 'schema_engine_bg.wasm')))
  const { exports } = await WebAssembly.instantiate(module, { './schema_engine_bg.js': bindings })
  const { __wbg_set_wasm } = bindings as { __wbg_set_wasm: (exports: object) => void }
  __wbg_set_wasm(exports)
  exports['__wbindgen_start']?.()
}

/** Reads `migrations/` in Prisma's own format, oldest first. */
export async function readMigrations(folder: string): Promise<MigrationList> {
  const baseDir = path.join(folder, 'migrations')
  const entries = await readdir(baseDir, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const migrationDirectories = await Promise.all(
    names.sort().map(async (name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(path.join(baseDir, name, 'migration.sql'), 'utf8') },
      },
    })),
  )
  const lockfile = {
    path: 'migration_lock.toml',
    content: await readFile(path.join(baseDir, 'migration_lock.toml'), 'utf8'),
  }
  return { baseDir, lockfile, shadowDbInitScript: '', migrationDirectories }
}

/** Reads schema.prisma as the engine wants it. */
export async function readSchema(folder: string): Promise<SchemasContainer> {
  const file = path.join(folder, 'schema.prisma')
  return { files: [{ path: file, content: await readFile(file, 'utf8') }] }
}
