import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from './config.js'
import type { ProcessPlan } from './launch-process.js'

/** The four apps; the first serves HTTP, and health on the same port. */
export const APP_NAMES = ['ingest-api', 'deliver-worker', 'dispatcher-worker', 'scheduler'] as const

export type AppName = (typeof APP_NAMES)[number]

export interface AppSettings {
  readonly dataDir: string
  /** Port of each app: of the API, and of the health of the others. */
  readonly ports: Readonly<Record<AppName, number>>
  /** Variables for every app. */
  readonly environment: Environment
  readonly onLine: (app: AppName, line: string) => void
}

/** An app as a process, and where it tells how it is. */
export interface AppPlan {
  readonly name: AppName
  readonly healthUrl: string
  readonly plan: ProcessPlan
}

/**
 * What an attempt leaves behind lives about as long as the answer takes. In V8's usual semi-spaces of 16 MiB much of that is
 * copied, and some kept; with 32 an attempt takes less CPU, for 35 MiB more. 64 take the same. In the others it saves too little.
 */
const NODE_FLAGS: Partial<Record<AppName, readonly string[]>> = {
  'dispatcher-worker': ['--max-semi-space-size=32'],
}

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))
const READY_TIMEOUT_MS = 60_000
/** More than the apps' own grace period, which ends first in every orderly case. */
const STOP_TIMEOUT_MS = 30_000
const PROBE_TIMEOUT_MS = 5_000

/** Plans one process for each app. */
export function planApps(settings: AppSettings): AppPlan[] {
  return APP_NAMES.map((name) => {
    const main = join(REPOSITORY, 'apps', name, 'dist', 'main.js')
    if (!existsSync(main)) throw new Error(`${main} does not exist; build first (npm start does)`)
    const port = String(settings.ports[name])
    const healthUrl = `http://127.0.0.1:${port}/health/ready`
    const ports = name === 'ingest-api' ? { PORT: port, HOST: '127.0.0.1' } : { HEALTH_PORT: port }
    return {
      name,
      healthUrl,
      plan: {
        name,
        command: process.execPath,
        args: ['--enable-source-maps', ...(NODE_FLAGS[name] ?? []), main],
        env: { ...settings.environment, HEALTH_HOST: '127.0.0.1', ...ports },
        cwd: REPOSITORY,
        hasChannel: true,
        logPath: join(settings.dataDir, 'logs', `${name}.log`),
        stopSignal: 'SIGTERM',
        stopTimeoutMs: STOP_TIMEOUT_MS,
        readyTimeoutMs: READY_TIMEOUT_MS,
        isReady: () => isReady(healthUrl),
        onLine: (line) => settings.onLine(name, line),
      },
    }
  })
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })
  await response.arrayBuffer()
  return response.ok
}
