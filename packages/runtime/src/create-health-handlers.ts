import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Metrics } from './create-metrics.js'

/** Checks by name; each throws when what it checks can't be used. */
export type HealthChecks = Readonly<Record<string, () => Promise<unknown>>>

export interface HealthOptions {
  readonly checks: HealthChecks
  readonly metrics: Metrics
  /** True while the process stops: not ready then, so that no new work is routed here. */
  readonly isStopping?: () => boolean
  /** Time that one check may take. */
  readonly timeoutMs?: number
}

/** Handles one request of a health route. */
export type HealthHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface HealthHandlers {
  readonly live: HealthHandler
  readonly ready: HealthHandler
  readonly metrics: HealthHandler
}

/** Paths of the handlers, the same on every process. */
export const HEALTH_PATHS = { live: '/health/live', ready: '/health/ready', metrics: '/metrics' } as const

const CHECK_TIMEOUT_MS = 2_000

interface CheckResult {
  readonly status: 'ok' | 'failed' | 'timed out'
  readonly durationMs: number
}

/** Makes the health routes as plain node:http handlers, which also fit into Express. */
export function createHealthHandlers(options: HealthOptions): HealthHandlers {
  let checking: Promise<Record<string, CheckResult>> | undefined
  // Probes that come while the checks run share their result: probing can't add load without bound.
  const check = (): Promise<Record<string, CheckResult>> => {
    checking ??= runChecks(options).finally(() => (checking = undefined))
    return checking
  }
  return {
    async live(_request, response) {
      sendJson(response, 200, { status: 'live' })
    },
    async ready(request, response) {
      // `?check=postgres` asks for that check alone: a process that can go on without Redis stays in its load balancer.
      const asked = new URL(request.url ?? '/', 'http://localhost').searchParams.getAll('check')
      const known = Object.keys(options.checks)
      // A misspelt one must not pass for a check that is fine.
      if (!asked.every((name) => known.includes(name))) {
        sendJson(response, 400, { status: 'unknown check', known })
        return
      }
      const results = await check()
      const isStopping = options.isStopping?.() ?? false
      const counted = Object.entries(results).filter(([name]) => asked.length === 0 || asked.includes(name))
      const isReady = !isStopping && counted.every(([, result]) => result.status === 'ok')
      const status = isStopping ? 'stopping' : isReady ? 'ready' : 'not ready'
      sendJson(response, isReady ? 200 : 503, { status, checks: Object.fromEntries(counted) })
    },
    async metrics(_request, response) {
      const { contentType, body } = await options.metrics.expose()
      response.writeHead(200, { 'content-type': contentType }).end(body)
    },
  }
}

async function runChecks({
  checks,
  timeoutMs = CHECK_TIMEOUT_MS,
}: HealthOptions): Promise<Record<string, CheckResult>> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, run]) => [name, await runCheck(run, timeoutMs)] as const),
  )
  return Object.fromEntries(results)
}

/** Says whether a check passed, not why it did not: the routes may be reachable by strangers. */
async function runCheck(run: () => Promise<unknown>, timeoutMs: number): Promise<CheckResult> {
  const startedAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<CheckResult['status']>((resolve) => {
    timer = setTimeout(() => resolve('timed out'), timeoutMs)
  })
  const result = Promise.resolve()
    .then(run)
    .then(
      (): CheckResult['status'] => 'ok',
      (): CheckResult['status'] => 'failed',
    )
  const status = await Promise.race([result, timeout])
  clearTimeout(timer)
  return { status, durationMs: Math.round(performance.now() - startedAt) }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    .end(JSON.stringify(body))
}
