import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { ProcessPlan } from '../src/launch-process.js'
import { isAlive } from '../src/process-identity.js'
import { superviseProcess, type SupervisedProcess } from '../src/supervise-process.js'
import { makeTemporaryFolder, until } from './temporary-folder.js'

let folder: ReturnType<typeof makeTemporaryFolder>
let supervised: SupervisedProcess | undefined
beforeEach(() => {
  folder = makeTemporaryFolder()
})
afterEach(async () => {
  await supervised?.stop()
  supervised = undefined
  await folder.remove()
})

const READY = `require('fs').appendFileSync('ready', String(process.pid) + '\\n')`

function supervise(script: string, change: Partial<ProcessPlan> = {}) {
  const said: string[] = []
  let restarts = 0
  const plan: ProcessPlan = {
    name: 'worker',
    command: process.execPath,
    args: ['-e', script],
    env: {},
    cwd: folder.path,
    logPath: join(folder.path, 'logs', 'worker.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 500,
    readyTimeoutMs: 10_000,
    isReady: async () => existsSync(join(folder.path, 'ready')),
    ...change,
  }
  const started = superviseProcess(plan, { say: (line) => said.push(line), onRestart: () => (restarts += 1) })
  supervised = started
  return { started, said, restarts: () => restarts }
}

describe('superviseProcess', () => {
  test('a process is started, logged and stopped', async () => {
    const { started, said } = supervise(`console.log('hello'); ${READY}; setInterval(() => {}, 1000)`)
    await started.start()
    const pid = started.pid() ?? 0
    expect(isAlive(pid)).toBe(true)
    await started.stop()
    expect(isAlive(pid)).toBe(false)
    expect(started.pid()).toBeUndefined()
    expect(readFileSync(join(folder.path, 'logs', 'worker.log'), 'utf8')).toBe('hello\n')
    expect(said).toEqual([])
  })

  test('a killed process is restarted, and said', async () => {
    const { started, said, restarts } = supervise(`${READY}; setInterval(() => {}, 1000)`)
    await started.start()
    const first = started.pid() ?? 0
    process.kill(first, 'SIGKILL')
    await until(() => restarts() === 1)
    expect(started.pid()).not.toBe(first)
    expect(isAlive(started.pid() ?? 0)).toBe(true)
    expect(said).toEqual([
      'worker died (SIGKILL); restarting it.',
      expect.stringMatching(/^worker is back \(process \d+\)\.$/),
    ])
  })

  test('one that dies while it starts is an error that shows what it wrote', async () => {
    const { started } = supervise(`console.error('no database here'); process.exit(3)`)
    await expect(started.start()).rejects.toThrow('no database here')
    expect(started.pid()).toBeUndefined()
  })

  test('one that can not be run is an error', async () => {
    const { started } = supervise('', { command: join(folder.path, 'missing') })
    await expect(started.start()).rejects.toThrow('ENOENT')
  })

  test('one that is never ready is ended', async () => {
    const { started } = supervise('setInterval(() => {}, 1000)', { readyTimeoutMs: 100 })
    await expect(started.start()).rejects.toThrow('was not ready after 100 ms')
    expect(started.pid()).toBeUndefined()
  })

  test('one that does not want to stop is killed', async () => {
    const { started } = supervise(`process.on('SIGTERM', () => {}); ${READY}; setInterval(() => {}, 1000)`)
    await started.start()
    const pid = started.pid() ?? 0
    await started.stop()
    expect(isAlive(pid)).toBe(false)
  })

  test('a stop while it is being restarted ends it for good', async () => {
    const { started, said } = supervise(`${READY}; setInterval(() => {}, 1000)`)
    await started.start()
    process.kill(started.pid() ?? 0, 'SIGKILL')
    await until(() => said.length === 1)
    await started.stop()
    expect(started.pid()).toBeUndefined()
    expect(said).toHaveLength(1)
  })
})
