import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { START_HELP } from '../src/parse-start-arguments.js'
import { makeTemporaryFolder } from './temporary-folder.js'

const REPOSITORY = join(__dirname, '..', '..', '..')
const TRACKED = [
  'package.json',
  'scripts',
  join('packages', 'devkit', 'package.json'),
  join('packages', 'devkit', 'src'),
]

const clone = makeTemporaryFolder()

beforeAll(() => {
  for (const path of TRACKED) cpSync(join(REPOSITORY, path), join(clone.path, path), { recursive: true })
})

afterAll(async () => {
  await clone.remove()
})

/** Runs it where nothing was installed, with an npm that no PATH leads to. */
function start(...argv: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/start.mjs', ...argv], {
    cwd: clone.path,
    env: { PATH: '' },
    encoding: 'utf8',
  })
  return { code: status, stdout, stderr }
}

test('a fresh clone tells its options without installing anything', () => {
  expect(start('--help')).toEqual({ code: 0, stdout: START_HELP, stderr: '' })
  expect(readdirSync(clone.path)).not.toContain('node_modules')
})

test.each([[['--rest']], [['--port', 'x']], [['more']]])(
  'a fresh clone refuses %j without installing anything',
  (argv) => {
    const { code, stdout, stderr } = start(...argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(String(argv.at(-1)))
    expect(stderr).toContain(START_HELP)
    expect(readdirSync(clone.path)).not.toContain('node_modules')
  },
)
