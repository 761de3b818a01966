import { createId, type EnvironmentType } from '@signalbox/domain'
import { createDatabase } from './create-database.js'
import { hashKey } from './hash-key.js'
import type { Prisma } from './generated/client.js'

/** A tenant as it should be: an organization with one project and its environments. */
export interface SeedTenantInput {
  slug: string
  name: string
  environments: { type: EnvironmentType; secretKey: string; publicKey: string }[]
}

/** A tenant as it is, with the ids that it got. */
export interface SeededTenant {
  slug: string
  organizationId: string
  projectId: string
  environments: { type: EnvironmentType; id: string; secretKey: string; publicKey: string }[]
}

/** Any number that no other program takes in this database: one seeding runs at a time. */
const SEED_LOCK = 7_204_551_002

/** Slugs of environments, by type; also the second part of their keys (`tr_dev_…`). */
const ENVIRONMENT_SLUGS: Record<EnvironmentType, string> = {
  PRODUCTION: 'prod',
  STAGING: 'stg',
  DEVELOPMENT: 'dev',
  PREVIEW: 'prev',
}

/**
 * Makes sure that the tenants exist with exactly these keys among their live ones. Idempotent: what is there is kept,
 * with its ids. Keys are stored as SHA-256 only, with their prefix and last four characters for people.
 */
export async function seedTenants(options: {
  databaseUrl: string
  tenants: SeedTenantInput[]
}): Promise<SeededTenant[]> {
  const database = createDatabase({ url: options.databaseUrl, poolMax: 1, applicationName: 'signalbox-seed' })
  try {
    return await database.prisma.$transaction(async (transaction) => {
      await transaction.$executeRaw`select pg_advisory_xact_lock(${SEED_LOCK})`
      const seeded: SeededTenant[] = []
      for (const tenant of options.tenants) seeded.push(await seedTenant(transaction, tenant))
      return seeded
    })
  } finally {
    await database.close()
  }
}

async function seedTenant(transaction: Prisma.TransactionClient, tenant: SeedTenantInput): Promise<SeededTenant> {
  const { id: organizationId } = await transaction.organization.upsert({
    where: { slug: tenant.slug },
    create: { id: createId(), slug: tenant.slug, name: tenant.name },
    update: {},
  })
  const { id: projectId } = await transaction.project.upsert({
    where: { organizationId_slug: { organizationId, slug: tenant.slug } },
    create: { organizationId, id: createId(), slug: tenant.slug, name: tenant.name },
    update: {},
  })
  const environments: SeededTenant['environments'] = []
  for (const { type, secretKey, publicKey } of tenant.environments) {
    const slug = ENVIRONMENT_SLUGS[type]
    const { id } = await transaction.runtimeEnvironment.upsert({
      where: { organizationId_projectId_slug: { organizationId, projectId, slug } },
      create: { organizationId, id: createId(), projectId, type, slug },
      update: {},
    })
    const scope = { organizationId, environmentId: id }
    await seedKey(transaction, { ...scope, kind: 'secret', key: secretKey })
    await seedKey(transaction, { ...scope, kind: 'public', key: publicKey })
    environments.push({ type, id, secretKey, publicKey })
  }
  return { slug: tenant.slug, organizationId, projectId, environments }
}

interface SeedKey {
  organizationId: string
  environmentId: string
  kind: 'secret' | 'public'
  key: string
}

async function seedKey(transaction: Prisma.TransactionClient, { key, ...row }: SeedKey): Promise<void> {
  const keyHash = hashKey(key)
  const prefix = key.slice(0, key.lastIndexOf('_') + 1)
  const stored = await transaction.apiKey.upsert({
    where: { keyHash },
    create: { ...row, id: createId(), keyHash, prefix, last4: key.slice(-4), name: 'seed' },
    update: {},
  })
  if (stored.organizationId === row.organizationId && stored.environmentId === row.environmentId) return
  throw new Error(`The ${row.kind} key ${prefix}…${key.slice(-4)} belongs to another environment already`)
}
