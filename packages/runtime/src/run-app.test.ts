import { EventEmitter, once } from 'node:events'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { ConfigError } from './read-config.js'
import { runApp, type ProcessHost } from './run-app.js'

interface FakeProcess extends ProcessHost {
  emit(event: string, argument?: unknown): boolean
  untilExit(): Promise<number>
}

function createFakeProcess(): FakeProcess {
  const events = new EventEmitter()
  return {
    on: (event, listener) => events.on(event, listener),
    emit: (event, argument) => events.emit(event, argument),
    exit: (code) => events.emit('exited', code),
    untilExit: async () => ((await once(events, 'exited')) as [number])[0],
  }
}

// The lines go to stdout as in production; the test keeps them out of the report and reads them.
let lines: string[] = []
beforeEach(() => {
  lines = []
  const stdout = (console as unknown as { _stdout?: NodeJS.WriteStream })._stdout ?? process.stdout
  const keep = (text: unknown): boolean => lines.push(String(text)) > 0
  jest.spyOn(stdout, 'write').mockImplementation(keep)
  jest.spyOn(console, 'log').mockImplementation(keep)
})
afterEach(() => {
  jest.restoreAllMocks()
})

function run(host: FakeProcess, step: { start?: () => unknown; stop?: () => unknown }) {
  return runApp({
    name: 'test',
    readConfig: () => ({ LOG_LEVEL: 'info' as const, SHUTDOWN_GRACE_MS: 500 }),
    compose: ({ lifecycle }) => lifecycle.add({ name: 'step', ...step }),
    host,
  })
}

describe('runApp', () => {
  test.each(['SIGTERM', 'SIGINT', 'disconnect'])('%s stops the steps and exits with 0', async (signal) => {
    const host = createFakeProcess()
    let isStopped = false
    await run(host, { stop: () => (isStopped = true) })
    const exited = host.untilExit()
    host.emit(signal)
    await expect(exited).resolves.toBe(0)
    expect(isStopped).toBe(true)
  })

  test('a second signal exits at once', async () => {
    const host = createFakeProcess()
    await run(host, { stop: () => new Promise(() => undefined) })
    host.emit('SIGTERM')
    const exited = host.untilExit()
    host.emit('SIGINT')
    await expect(exited).resolves.toBe(1)
  })

  test('an app that does not start exits with 1', async () => {
    const host = createFakeProcess()
    const exited = host.untilExit()
    await run(host, { start: () => Promise.reject(new Error('no database')) })
    await expect(exited).resolves.toBe(1)
    expect(lines.join('')).toContain('no database')
  })

  test.each(['uncaughtException', 'unhandledRejection'])('%s is logged and exits with 1', async (event) => {
    const host = createFakeProcess()
    await run(host, {})
    const exited = host.untilExit()
    host.emit(event, new Error('a bug'))
    await expect(exited).resolves.toBe(1)
    expect(lines.join('')).toContain('a bug')
  })

  test('a bad configuration is told in full and exits with 1', async () => {
    const host = createFakeProcess()
    const exited = host.untilExit()
    await runApp({
      name: 'test',
      readConfig: () => {
        throw new ConfigError(['A is not set.', 'B: too big'])
      },
      compose: () => undefined,
      host,
    })
    await expect(exited).resolves.toBe(1)
    expect(lines.join('')).toContain('"problems":["A is not set.","B: too big"]')
  })
})
