import { afterEach, describe, expect, test } from '@jest/globals'
import type { HealthChecks } from './create-health-handlers.js'
import { createHealthServer, type HealthServer } from './create-health-server.js'
import { createMetrics, type Metrics } from './create-metrics.js'
import { createAcceptMetrics, createQueueMetrics } from './standard-metrics.js'

const servers: HealthServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function serve(
  options: { checks?: HealthChecks; metrics?: Metrics; isStopping?: () => boolean } = {},
): Promise<(path: string, init?: RequestInit) => Promise<{ status: number; body: string }>> {
  const metrics = options.metrics ?? createMetrics({ service: 'test' })
  const server = createHealthServer({ checks: {}, timeoutMs: 50, ...options, metrics, port: 0, host: '127.0.0.1' })
  servers.push(server)
  const port = await server.start()
  return async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    return { status: response.status, body: await response.text() }
  }
}

describe('createHealthServer', () => {
  test('is live even when a check fails', async () => {
    const get = await serve({ checks: { postgres: () => Promise.reject(new Error('away')) } })
    await expect(get('/health/live')).resolves.toEqual({ status: 200, body: '{"status":"live"}' })
  })

  test('is ready when all checks pass', async () => {
    const get = await serve({ checks: { postgres: async () => undefined, redis: async () => undefined } })
    const { status, body } = await get('/health/ready?x=1')
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ status: 'ready', checks: { postgres: { status: 'ok' } } })
  })

  test('can be asked about some checks alone', async () => {
    const checks = { postgres: async () => undefined, redis: () => Promise.reject(new Error('away')) }
    const get = await serve({ checks })
    const { status, body } = await get('/health/ready?check=postgres')
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({
      status: 'ready',
      checks: { postgres: { status: 'ok', durationMs: expect.any(Number) } },
    })
    expect((await get('/health/ready?check=postgres&check=redis')).status).toBe(503)
    expect((await get('/health/ready')).status).toBe(503)
  })

  test('refuses to be asked about a check that it does not have', async () => {
    const get = await serve({ checks: { postgres: async () => undefined } })
    expect(await get('/health/ready?check=postgres&check=foo')).toEqual({
      status: 400,
      body: '{"status":"unknown check","known":["postgres"]}',
    })
  })

  test('is not ready when one check fails, throws or hangs, says which and not why', async () => {
    const get = await serve({
      checks: {
        fine: async () => undefined,
        refused: () => Promise.reject(new Error('host db.internal')),
        thrown: () => {
          throw new Error('host db.internal')
        },
        hanging: () => new Promise(() => undefined),
      },
    })
    const { status, body } = await get('/health/ready')
    expect(status).toBe(503)
    expect(JSON.parse(body)).toMatchObject({
      checks: {
        fine: { status: 'ok' },
        refused: { status: 'failed' },
        thrown: { status: 'failed' },
        hanging: { status: 'timed out' },
      },
    })
    expect(body).not.toContain('db.internal')
  })

  test('is not ready while it stops', async () => {
    const get = await serve({ isStopping: () => true })
    expect((await get('/health/ready')).status).toBe(503)
  })

  test('probes at the same time share one run of the checks', async () => {
    let runs = 0
    let finish: () => void = () => undefined
    const blocked = new Promise<void>((resolve) => (finish = resolve))
    const get = await serve({ checks: { postgres: () => ((runs += 1), blocked) } })
    const probes = [get('/health/ready'), get('/health/ready'), get('/health/ready')]
    await expect(Promise.all(probes)).resolves.toHaveLength(3)
    finish()
    expect(runs).toBe(1)
  })

  test('serves its own metrics, all with our prefix, even when one can not be read', async () => {
    const metrics = createMetrics({ service: 'test' })
    createAcceptMetrics(metrics).eventsAccepted.inc(3)
    createQueueMetrics(metrics, () => Promise.reject(new Error('Redis away')))
    const get = await serve({ metrics })
    const { status, body } = await get('/metrics')
    expect(status).toBe(200)
    expect(body).toContain('signalbox_events_accepted_total{service="test"} 3')
    const names = body
      .split('\n')
      .filter((line) => line.startsWith('# TYPE'))
      .map((line) => line.split(' ')[2])
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !name?.startsWith('signalbox_'))).toEqual([])
  })

  test('two processes in one runtime do not share metrics', async () => {
    const [one, two] = [createMetrics({ service: 'one' }), createMetrics({ service: 'two' })]
    createAcceptMetrics(one).eventsAccepted.inc()
    createAcceptMetrics(two)
    expect((await two.expose()).body).toContain('signalbox_events_accepted_total{service="two"} 0')
  })

  test('queue depth is read when it is scraped, once for both gauges', async () => {
    const metrics = createMetrics({ service: 'test' })
    let reads = 0
    createQueueMetrics(metrics, async () => {
      reads += 1
      return [{ queue: 'deliver', jobs: { waiting: 4 }, oldestAgeSeconds: 1.5 }]
    })
    const { body } = await metrics.expose()
    expect(body).toContain('signalbox_queue_jobs{queue="deliver",state="waiting",service="test"} 4')
    expect(body).toContain('signalbox_queue_oldest_age_seconds{queue="deliver",service="test"} 1.5')
    expect(reads).toBe(1)
  })

  test('anything else is 404, other methods 405', async () => {
    const get = await serve()
    expect((await get('/')).status).toBe(404)
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405)
  })
})
