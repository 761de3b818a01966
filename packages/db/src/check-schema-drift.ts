import { openSchemaEngine, prismaFolder, readMigrations, readSchema } from './schema-engine.js'

/**
 * Compares what the migrations build with what schema.prisma says, in a shadow database on the server of `databaseUrl`.
 * Gives the SQL that would be missing, or undefined when they agree.
 */
export async function checkSchemaDrift(options: {
  databaseUrl: string
  prismaFolder?: string
}): Promise<string | undefined> {
  const folder = options.prismaFolder ?? prismaFolder
  const schemas = await readSchema(folder)
  const engine = await openSchemaEngine(options.databaseUrl, schemas)
  const result = await engine.diff({
    from: { tag: 'migrations', ...(await readMigrations(folder)) },
    to: { tag: 'schemaDatamodel', ...schemas },
    script: true,
    exitCode: true,
    filters: { externalTables: [], externalEnums: [] },
  })
  return result.exitCode === 0 ? undefined : (result.stdout ?? 'the schemas differ')
}
