import { randomBytes } from 'node:crypto'
import { seedTenants } from './seed-tenants.js'

// Makes a tenant and its first keys, where no one has a key yet: node packages/db/dist/create-tenant-cli.js acme
const [slug] = process.argv.slice(2)
const databaseUrl = process.env['DATABASE_URL']
if (!databaseUrl || !slug || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug)) {
  process.stderr.write('usage: DATABASE_URL=postgresql://… create-tenant-cli.js <slug>   (a-z, 0-9 and -)\n')
  process.exit(2)
}

/** 192 random bits, as letters and digits only: the form that clients insist on. */
const KEY_BYTES = 24
const createKey = (prefix: string): string => `${prefix}_${randomBytes(KEY_BYTES).toString('hex')}`

const environments = [
  { type: 'PRODUCTION' as const, secretKey: createKey('tr_prod'), publicKey: createKey('pk_prod') },
  { type: 'DEVELOPMENT' as const, secretKey: createKey('tr_dev'), publicKey: createKey('pk_dev') },
]
const [tenant] = await seedTenants({ databaseUrl, tenants: [{ slug, name: slug, environments }] })
process.stdout.write('These keys are shown this once; what is stored are their hashes.\n')
process.stdout.write(`${JSON.stringify(tenant, undefined, 2)}\n`)
