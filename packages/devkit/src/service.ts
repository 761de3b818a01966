import type { ProcessRegistry } from './process-registry.js'
import type { Guard } from './start-guard.js'

/** A Postgres or Redis that can be used; one that we run can also be stopped and started again on the same port. */
export interface Service {
  readonly url: string
  /** For people: which one it is, and where it keeps its data. */
  readonly description: string
  /** True when it is ours; of one named by an address, start and stop do nothing. */
  readonly isOurs: boolean
  pid(): number | undefined
  start(): Promise<void>
  stop(): Promise<void>
}

/** What starting a service needs besides its own options. */
export interface ServiceSurroundings {
  readonly say: (line: string) => void
  readonly registry?: ProcessRegistry
  readonly guard?: Guard
  readonly onRestart?: () => void
}

/** A service that somebody else runs. */
export function createForeignService(url: string, description: string): Service {
  return {
    url,
    description,
    isOurs: false,
    pid: () => undefined,
    start: async () => undefined,
    stop: async () => undefined,
  }
}
