import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A copy of this repository's sources and settings, in which tests may plant what is forbidden. */
export interface RepositoryCopy {
  readonly folder: string
  /** Writes a file, and takes it away again when `during` is over. */
  withFile<Result>(file: string, text: string, during: () => Promise<Result>): Promise<Result>
  remove(): Promise<void>
}

const REPOSITORY = path.resolve(__dirname, '../..')
const WORKSPACES = ['apps', 'packages']
const SINGLE_WORKSPACES = ['tests', 'bench']
const SETTINGS = [
  '.oxlintrc.json',
  'jest.config.mjs',
  'knip.json',
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'prisma.config.ts',
  'scripts',
  'prisma',
  'tsconfig.base.json',
  'tsconfig.json',
  'turbo.json',
]
const LEFT_OUT = new Set(['node_modules', 'dist', '.turbo', 'coverage'])

/** Copies what the gates look at; installed dependencies are linked. */
export async function copyRepository(): Promise<RepositoryCopy> {
  const folder = await mkdtemp(path.join(tmpdir(), 'signalbox-gates-'))
  const workspaces = [
    ...SINGLE_WORKSPACES,
    ...WORKSPACES.flatMap((parent) =>
      readdirSync(path.join(REPOSITORY, parent)).map((name) => path.join(parent, name)),
    ),
  ]
  for (const entry of [...SETTINGS, ...workspaces]) {
    await cp(path.join(REPOSITORY, entry), path.join(folder, entry), {
      recursive: true,
      filter: (source) => !LEFT_OUT.has(path.basename(source)),
    })
  }
  for (const workspace of ['.', ...workspaces]) {
    const installed = path.join(REPOSITORY, workspace, 'node_modules')
    if (existsSync(installed)) await symlink(installed, path.join(folder, workspace, 'node_modules'))
  }
  return {
    folder,
    async withFile(file, text, during) {
      const target = path.join(folder, file)
      const kept = `${target}.kept`
      await mkdir(path.dirname(target), { recursive: true })
      if (existsSync(target)) await cp(target, kept)
      await writeFile(target, text)
      try {
        return await during()
      } finally {
        if (existsSync(kept)) await cp(kept, target)
        else await rm(target)
        await rm(kept, { force: true })
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
