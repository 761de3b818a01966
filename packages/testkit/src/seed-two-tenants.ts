import { randomBytes } from 'node:crypto'
import { seedTenants, type SeededTenant, type SeedTenantInput } from '@signalbox/db'

/** Tenants of a test: `a` is the one looked at, `b` the stranger. Each has a production and a development environment. */
export interface TwoTenants {
  a: TestTenant
  b: TestTenant
}

/** A seeded tenant with its environments by name. */
export interface TestTenant extends SeededTenant {
  production: SeededTenant['environments'][number]
  development: SeededTenant['environments'][number]
}

/** Seeds two tenants with fresh keys. */
export async function seedTwoTenants(database: { databaseUrl: string }): Promise<TwoTenants> {
  const tenants = [tenantInput('acme'), tenantInput('globex')]
  const [a, b] = (await seedTenants({ databaseUrl: database.databaseUrl, tenants })).map(toTestTenant)
  if (a === undefined || b === undefined) throw new Error('Seeding gave fewer tenants than asked for')
  return { a, b }
}

function tenantInput(slug: string): SeedTenantInput {
  return {
    slug,
    name: slug,
    environments: [
      { type: 'PRODUCTION', secretKey: createKey('tr_prod'), publicKey: createKey('pk_prod') },
      { type: 'DEVELOPMENT', secretKey: createKey('tr_dev'), publicKey: createKey('pk_dev') },
    ],
  }
}

function createKey(start: string): string {
  return `${start}_${randomBytes(20).toString('hex')}`
}

function toTestTenant(tenant: SeededTenant): TestTenant {
  const find = (type: string): SeededTenant['environments'][number] => {
    const environment = tenant.environments.find((candidate) => candidate.type === type)
    if (environment === undefined) throw new Error(`Tenant ${tenant.slug} has no ${type} environment`)
    return environment
  }
  return { ...tenant, production: find('PRODUCTION'), development: find('DEVELOPMENT') }
}
