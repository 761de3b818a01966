import { withSchemaEngine, prismaFolder, readMigrations, readSchema } from './schema-engine.js'

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
  const from = { tag: 'migrations' as const, ...(await readMigrations(folder)) }
  const result = await withSchemaEngine(options.databaseUrl, schemas, (engine) =>
    engine.diff({
      from,
      to: { tag: 'schemaDatamodel', ...schemas },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    }),
  )
  return result.exitCode === 0 ? undefined : (result.stdout ?? 'the schemas differ')
}
