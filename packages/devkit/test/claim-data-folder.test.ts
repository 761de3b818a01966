import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { claimDataFolder } from '../src/claim-data-folder.js'
import { makeTemporaryFolder } from './temporary-folder.js'

let folder: ReturnType<typeof makeTemporaryFolder>

beforeEach(() => {
  folder = makeTemporaryFolder()
})

afterEach(() => folder.remove())

test('makes a folder that is not there, takes an empty one, and takes each again', async () => {
  const made = join(folder.path, 'a', 'b')
  const empty = join(folder.path, 'c')
  mkdirSync(empty)
  for (const path of [made, empty, made, empty]) await claimDataFolder(path)
  expect([readdirSync(made), readdirSync(empty)]).toEqual([['signalbox-data'], ['signalbox-data']])
})

test('takes one of ours that was made before folders were marked', async () => {
  writeFileSync(join(folder.path, 'keys.json'), '{}')
  await claimDataFolder(folder.path)
  expect(readdirSync(folder.path).toSorted()).toEqual(['keys.json', 'signalbox-data'])
})

test.each(['postgres', 'redis', 'notes.txt'])(
  'refuses a folder with a %s of somebody else, and touches nothing',
  async (name) => {
    mkdirSync(join(folder.path, name))
    writeFileSync(join(folder.path, name, 'theirs'), '1')
    await expect(claimDataFolder(folder.path)).rejects.toThrow(/holds other things/)
    expect(readdirSync(folder.path)).toEqual([name])
    expect(readdirSync(join(folder.path, name))).toEqual(['theirs'])
  },
)

test('a file in its place is said to be one', async () => {
  const path = join(folder.path, 'file')
  writeFileSync(path, '')
  await expect(claimDataFolder(path)).rejects.toThrow(/can not be made/)
})

const hasProc = process.platform === 'linux'
const inProc = hasProc ? test : test.skip
inProc(
  `where no folder can be made, that is said at once${hasProc ? '' : ' (skipped: only Linux has /proc)'}`,
  async () => {
    for (const path of ['/proc/x', '/proc/x/y']) await expect(claimDataFolder(path)).rejects.toThrow(/can not be made/)
  },
)

test('a folder that takes no files is said to take none', async () => {
  // In the place of the mark, what no file can be written over: also root can't.
  mkdirSync(join(folder.path, 'signalbox-data'))
  await expect(claimDataFolder(folder.path)).rejects.toThrow(/can not be written to/)
})
