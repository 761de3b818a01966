import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { copyRepository, type RepositoryCopy } from './copy-repository.js'

// A gate that can't fail is none: what is forbidden is planted in a copy, and each gate has to find it there.

let copy: RepositoryCopy
beforeAll(async () => {
  copy = await copyRepository()
}, 60_000)
afterAll(() => copy.remove())

interface Outcome {
  readonly code: number
  readonly output: string
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = {
      cwd: copy.folder,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
      maxBuffer: 64 * 1024 * 1024,
    }
    execFile(path.join(copy.folder, 'node_modules', '.bin', program), [...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr })
    })
  })
}

const boundaries = () => run('turbo', ['boundaries', '--no-color', '--skip-infer'])
const deadCode = () => run('knip', ['--no-progress', '--no-config-hints', '--include', 'exports,files'])
const lint = (file: string) => run('oxlint', ['--type-aware', '--deny-warnings', file])

/** The manifest of a workspace with one more dependency, as someone would add it to get around "not a dependency". */
function withDependency(workspace: string, dependency: string): string {
  const manifest = JSON.parse(readFileSync(path.join(copy.folder, workspace, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  return JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, [dependency]: 'workspace:*' } })
}

describe('boundaries', () => {
  test('nothing is found as it is', async () => {
    const { code, output } = await boundaries()
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('no issues found') })
  }, 60_000)

  test.each([
    ['domain importing db', 'packages/domain', '@signalbox/db'],
    ['pipeline importing queue', 'packages/pipeline', '@signalbox/queue'],
    ['egress importing db', 'packages/egress', '@signalbox/db'],
    ['an app importing another', 'apps/scheduler', '@signalbox/ingest-api'],
    ['an app importing what tests use', 'apps/scheduler', '@signalbox/devkit'],
  ])(
    '%s is found, whether or not it is declared',
    async (_name, workspace, imported) => {
      const file = `${workspace}/src/planted.ts`
      const source = `import * as planted from '${imported}'\nexport const used = planted\n`
      await copy.withFile(file, source, async () => {
        const undeclared = await boundaries()
        expect(undeclared.code).not.toBe(0)
        expect(undeclared.output).toContain(file)
        await copy.withFile(`${workspace}/package.json`, withDependency(workspace, imported), async () => {
          const declared = await boundaries()
          expect(declared.code).not.toBe(0)
          expect(declared.output).toContain(imported)
        })
      })
    },
    60_000,
  )

  test('a file of another package is found', async () => {
    const file = 'packages/domain/src/planted.ts'
    const source = `import * as planted from '../../db/src/index.js'\nexport const used = planted\n`
    const { code, output } = await copy.withFile(file, source, boundaries)
    expect(code).not.toBe(0)
    expect(output).toContain(file)
  }, 60_000)
})

describe('lint', () => {
  const FILE = 'packages/domain/src/planted.ts'

  test('a harmless file passes', async () => {
    const source = `export const planted = async (): Promise<number> => 1\n`
    const { code } = await copy.withFile(FILE, source, () => lint(FILE))
    expect(code).toBe(0)
  }, 60_000)

  test.each([
    [
      'a floating promise',
      'no-floating-promises',
      `const work = async (): Promise<void> => undefined\nexport const planted = (): void => {\n  work()\n}\n`,
    ],
    ['process.env outside of config.ts', 'no-process-env', `export const planted = process.env['HOME']\n`],
    ['any', 'no-explicit-any', `export const planted = (value: any): unknown => value\n`],
    ['a default export', 'no-default-export', `export default 1\n`],
    [
      'the inside of a package',
      'no-restricted-imports',
      `import { planted } from '@signalbox/db/src/index.js'\nexport { planted }\n`,
    ],
    [
      'a function with four parameters',
      'max-params',
      `export const planted = (a: number, b: number, c: number, d: number): number => a + b + c + d\n`,
    ],
  ])(
    '%s is found',
    async (_name, rule, source) => {
      const { code, output } = await copy.withFile(FILE, source, () => lint(FILE))
      expect(code).not.toBe(0)
      expect(output).toContain(rule)
      expect(output).toContain('planted.ts')
    },
    60_000,
  )

  test('process.env in a config.ts passes', async () => {
    const file = 'packages/domain/src/config.ts'
    const { code } = await copy.withFile(file, `export const planted = process.env['HOME']\n`, () => lint(file))
    expect(code).toBe(0)
  }, 60_000)
})

describe('types', () => {
  const FILE = 'packages/domain/src/planted.ts'
  const compile = () => run('tsc', ['-b', 'packages/domain'])

  test('a harmless file passes', async () => {
    const outcome = await copy.withFile(FILE, `export const planted = 1\n`, compile)
    expect(outcome).toEqual({ code: 0, output: '' })
  }, 60_000)

  test.each([
    ['an enum', `export enum Planted {\n  One,\n}\n`],
    ['a namespace', `export namespace planted {\n  export const one = 1\n}\n`],
    ['a value of another type', `export const planted: string = 1\n`],
    ['an item that may be missing', `export const planted = (list: string[]): string => list[0]\n`],
  ])(
    '%s is found',
    async (_name, source) => {
      const { code, output } = await copy.withFile(FILE, source, compile)
      expect(code).not.toBe(0)
      expect(output).toContain(FILE)
    },
    60_000,
  )
})

describe('dead code', () => {
  test('an export that nobody imports is found, and only that', async () => {
    const file = 'packages/domain/src/planted.ts'
    const index = readFileSync(path.join(copy.folder, 'packages/domain/src/index.ts'), 'utf8')
    const before = await deadCode()
    await copy.withFile(file, `export const plantedUsed = 1\nexport const plantedDead = 2\n`, async () => {
      const source = `${index}\nexport { plantedUsed } from './planted.js'\n`
      const { code, output } = await copy.withFile('packages/domain/src/index.ts', source, deadCode)
      expect(code).not.toBe(0)
      expect(output).toContain('plantedDead')
      expect(output).toContain(file)
      expect(output).not.toContain('plantedUsed')
    })
    expect(before.output).not.toContain('planted')
    expect(before.code).toBe(0)
  }, 120_000)
})
