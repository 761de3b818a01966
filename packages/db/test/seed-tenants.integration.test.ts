import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestDatabase, seedTwoTenants, type TestDatabase } from '@signalbox/testkit'
import { createDatabase, type Database, hashKey, seedTenants, type SeedTenantInput } from '../src/index.js'

let testDatabase: TestDatabase
let database: Database

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 2 })
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

const KEYS = { secretKey: 'tr_prod_0123456789abcdef', publicKey: 'pk_prod_0123456789abcdef' }
const INITECH: SeedTenantInput = {
  slug: 'initech',
  name: 'Initech',
  environments: [{ type: 'PRODUCTION', ...KEYS }],
}

describe('seeding tenants', () => {
  test('keeps ids when it runs again, also at the same moment', async () => {
    const seed = () => seedTenants({ databaseUrl: testDatabase.databaseUrl, tenants: [INITECH] })
    const [first, second] = await Promise.all([seed(), seed()])
    expect(second).toEqual(first)
    expect(first?.[0]?.environments).toEqual([{ type: 'PRODUCTION', id: expect.any(String), ...KEYS }])
    expect(await seed()).toEqual(first)
    expect(await database.prisma.apiKey.count({ where: { organizationId: first?.[0]?.organizationId ?? '' } })).toBe(2)
  })

  test('stores hashes of keys, never the keys', async () => {
    await seedTenants({ databaseUrl: testDatabase.databaseUrl, tenants: [INITECH] })
    const row = await database.prisma.apiKey.findUniqueOrThrow({ where: { keyHash: hashKey(KEYS.secretKey) } })
    expect(row).toMatchObject({ kind: 'secret', prefix: 'tr_prod_', last4: 'cdef' })
    expect(JSON.stringify(row)).not.toContain(KEYS.secretKey)
  })

  test('refuses a key that another environment has', async () => {
    await seedTwoTenants(testDatabase)
    const thief = { ...INITECH, slug: 'thief' }
    await seedTenants({ databaseUrl: testDatabase.databaseUrl, tenants: [INITECH] })
    const seeding = seedTenants({ databaseUrl: testDatabase.databaseUrl, tenants: [thief] })
    await expect(seeding).rejects.toThrow('belongs to another environment')
    expect(await database.prisma.organization.count({ where: { slug: 'thief' } })).toBe(0)
  })
})
