import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { findProcess, isAlive } from '../src/process-identity.js'
import { DataFolderInUseError, openProcessRegistry } from '../src/process-registry.js'
import { makeTemporaryFolder, until } from './temporary-folder.js'

let folder: ReturnType<typeof makeTemporaryFolder>
const children: ChildProcess[] = []
beforeEach(() => {
  folder = makeTemporaryFolder()
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await folder.remove()
})

async function startSleeper(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  children.push(child)
  await once(child, 'spawn')
  return child.pid ?? 0
}

const stateFile = () => join(folder.path, 'state.json')

describe('openProcessRegistry', () => {
  test('what an earlier owner left running is stopped, and said', async () => {
    const pid = await startSleeper()
    const identity = await findProcess(pid)
    const left = { ...identity, name: 'scheduler', stopSignal: 'SIGTERM' }
    writeFileSync(stateFile(), JSON.stringify({ owner: { pid: 999_999_999, startedAt: 'x' }, processes: [left] }))
    const said: string[] = []
    await openProcessRegistry(folder.path, (line) => said.push(line))
    await until(() => children[0]?.signalCode === 'SIGTERM')
    expect(said).toEqual([`Stopping what an earlier start left running: scheduler (${pid})`])
  })

  test('a stranger that got the id of a process of ours is left alone', async () => {
    const pid = await startSleeper()
    const stranger = { pid, startedAt: '1', name: 'scheduler', stopSignal: 'SIGTERM' }
    writeFileSync(stateFile(), JSON.stringify({ processes: [stranger] }))
    await openProcessRegistry(folder.path)
    expect(isAlive(pid)).toBe(true)
  })

  test('a folder whose owner is alive is refused', async () => {
    const owner = await findProcess(await startSleeper())
    writeFileSync(stateFile(), JSON.stringify({ owner, processes: [] }))
    await expect(openProcessRegistry(folder.path)).rejects.toBeInstanceOf(DataFolderInUseError)
  })

  test('a damaged file is as good as none', async () => {
    writeFileSync(stateFile(), '{"owner":')
    await expect(openProcessRegistry(folder.path)).resolves.toBeDefined()
  })

  test('processes are kept privately while they run, and forgotten after', async () => {
    const registry = await openProcessRegistry(folder.path)
    const pid = await startSleeper()
    await registry.add({ name: 'redis', pid, stopSignal: 'SIGTERM' })
    expect(JSON.parse(readFileSync(stateFile(), 'utf8'))).toMatchObject({
      owner: { pid: process.pid },
      processes: [{ name: 'redis', pid }],
    })
    expect(statSync(stateFile()).mode & 0o777).toBe(0o600)
    await registry.remove(pid)
    expect(JSON.parse(readFileSync(stateFile(), 'utf8')).processes).toEqual([])
    await registry.clear()
    expect(existsSync(stateFile())).toBe(false)
  })
})
