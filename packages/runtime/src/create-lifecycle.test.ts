import { Writable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { createLifecycle } from './create-lifecycle.js'
import { createLogger } from './create-logger.js'

const logger = createLogger({ service: 'test', stream: new Writable({ write: (_c, _e, done) => done() }) })

function createTrace(graceMs = 1_000) {
  const trace: string[] = []
  const lifecycle = createLifecycle({ logger, graceMs })
  const add = (name: string, behaviour: { start?: () => unknown; stop?: () => unknown } = {}) =>
    lifecycle.add({
      name,
      start: () => (trace.push(`+${name}`), behaviour.start?.()),
      stop: () => (trace.push(`-${name}`), behaviour.stop?.()),
    })
  return { trace, lifecycle, add }
}

describe('createLifecycle', () => {
  test('steps start in order and stop in reverse, once', async () => {
    const { trace, lifecycle, add } = createTrace()
    add('database')
    add('server')
    await lifecycle.start()
    expect(lifecycle.isStopping()).toBe(false)
    const results = await Promise.all([lifecycle.stop('test'), lifecycle.stop('again')])
    expect(results).toEqual([true, true])
    expect(lifecycle.isStopping()).toBe(true)
    expect(trace).toEqual(['+database', '+server', '-server', '-database'])
  })

  test('a step that fails to start is stopped with those before it, and later ones never start', async () => {
    const { trace, lifecycle, add } = createTrace()
    add('database')
    add('server', { start: () => Promise.reject(new Error('port in use')) })
    add('loop')
    await expect(lifecycle.start()).rejects.toThrow('port in use')
    expect(trace).toEqual(['+database', '+server', '-server', '-database'])
  })

  test('a step that fails to stop does not keep the others from stopping', async () => {
    const { trace, lifecycle, add } = createTrace()
    add('database')
    add('server', {
      stop: () => {
        throw new Error('stuck')
      },
    })
    await lifecycle.start()
    await expect(lifecycle.stop('test')).resolves.toBe(false)
    expect(trace).toEqual(['+database', '+server', '-server', '-database'])
  })

  test('a step that never stops is given up after the grace period', async () => {
    const { trace, lifecycle, add } = createTrace(20)
    add('database')
    add('server', { stop: () => new Promise(() => undefined) })
    await lifecycle.start()
    await expect(lifecycle.stop('test')).resolves.toBe(false)
    expect(trace).toContain('-database')
  })

  test('a stop during the start waits for the running step and starts no other', async () => {
    const { trace, lifecycle, add } = createTrace()
    let finishStart: () => void = () => undefined
    add('database', { start: () => new Promise<void>((resolve) => (finishStart = resolve)) })
    add('server')
    const starting = lifecycle.start()
    const stopping = lifecycle.stop('signal')
    finishStart()
    await starting
    await expect(stopping).resolves.toBe(true)
    expect(trace).toEqual(['+database', '-database'])
  })
})
