import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startFaultStack, type FaultStack } from './fault-stack.js'
import { runScenario } from './scenario.js'
import { waitUntil } from './wait-until.js'

const SCHEDULER = fileURLToPath(new URL('../../apps/scheduler/dist/main.js', import.meta.url))
const TAKEOVER_MS_MAX = 15_000

interface OtherScheduler {
  readonly child: ChildProcess
  readonly metricsUrl: string
}

let stack: FaultStack
let other: OtherScheduler | undefined
beforeAll(async () => {
  stack = await startFaultStack()
}, 120_000)
afterAll(async () => {
  other?.child.kill('SIGKILL')
  await stack?.stop()
}, 120_000)

test('invariant 1: of two schedulers the leading one is killed under load; the other takes over, and what falls due is delivered', async () => {
  const ours = new URL('/metrics', stack.healthUrlOf('scheduler')).href
  const before = stack.pids()
  const { problems, twice, counts } = await runScenario(stack, 'takeover', async ({ untilAccepted }) => {
    await waitUntil('the first scheduler leads', () => isLeading(ours))
    other = await startScheduler()
    const { child, metricsUrl } = other
    await waitUntil('the second scheduler runs', () => isFollowing(metricsUrl))
    // The first one hands over in order, and follows when it is back: not sooner, or it could take the lead again.
    await stack.app('scheduler').stop()
    await waitUntil('the second scheduler leads', () => isLeading(metricsUrl), TAKEOVER_MS_MAX)
    await stack.app('scheduler').start()
    await waitUntil('the first scheduler is back', () => isFollowing(ours))
    await untilAccepted(50)

    const follower = stack.app('scheduler').pid()
    child.kill('SIGKILL')
    await waitUntil('the first scheduler leads again', () => isLeading(ours), TAKEOVER_MS_MAX)
    expect(stack.app('scheduler').pid()).toBe(follower)
    await untilAccepted(50)
  })
  // Every ninth single event falls due one or two seconds after it was accepted: only a scheduler publishes it.
  expect(problems).toEqual([])
  expect(twice).toEqual([])
  expect(counts).toMatchObject({ unexpected: [], unavailable: 0, unreachable: 0 })
  expect({ ...stack.pids(), scheduler: 0 }).toEqual({ ...before, scheduler: 0 })
}, 240_000)

/** A second one, as another machine would run it. It ends with this process. */
async function startScheduler(): Promise<OtherScheduler> {
  const port = await findFreePort()
  const { PATH } = process.env
  const child = spawn(process.execPath, [SCHEDULER], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {
      ...(PATH !== undefined && { PATH }),
      DATABASE_URL: stack.databaseUrl,
      REDIS_URL: stack.redisUrl,
      HEALTH_PORT: String(port),
      HEALTH_HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
    },
  })
  if (child.pid !== undefined) stack.services.guard.watch({ pid: child.pid, stopSignal: 'SIGKILL' })
  return { child, metricsUrl: `http://127.0.0.1:${port}/metrics` }
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function isLeading(metricsUrl: string): Promise<boolean> {
  return (await readLead(metricsUrl)) === '1'
}

async function isFollowing(metricsUrl: string): Promise<boolean> {
  return (await readLead(metricsUrl)) === '0'
}

/** The gauge; undefined while the process does not answer. */
async function readLead(metricsUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(5_000) })
    const line = (await response.text()).split('\n').find((text) => text.startsWith('signalbox_scheduler_is_leader'))
    return line?.split(' ').at(-1)
  } catch {
    return undefined
  }
}
