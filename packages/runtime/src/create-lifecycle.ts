import type { Logger } from './create-logger.js'

/** Something that starts before the next step and stops after it. What it returns is awaited. */
export interface LifecycleStep {
  readonly name: string
  readonly start?: () => unknown
  readonly stop?: () => unknown
}

export interface LifecycleOptions {
  readonly logger: Logger
  /** How long all stops together may take. */
  readonly graceMs?: number
}

export interface Lifecycle {
  /** Adds a step; all steps are added before the start. */
  add(step: LifecycleStep): void
  /** Starts the steps in order. When one fails, those already started are stopped and the error is thrown. */
  start(): Promise<void>
  /** Stops what was started in reverse order. Resolves to false when a step failed or the grace period ran out. */
  stop(reason: string): Promise<boolean>
  /** True from the first call of `stop` on; readiness checks fail then, so that no new work is routed here. */
  isStopping(): boolean
}

const GRACE_MS_DEFAULT = 25_000

/** Starts ordered steps and stops them in reverse within a grace period. */
export function createLifecycle({ logger, graceMs = GRACE_MS_DEFAULT }: LifecycleOptions): Lifecycle {
  const steps: LifecycleStep[] = []
  const started: LifecycleStep[] = []
  let starting: Promise<void> | undefined
  let stopping: Promise<boolean> | undefined

  const startSteps = async (): Promise<void> => {
    for (const step of steps) {
      if (stopping !== undefined) return
      // Counted as started before it is: a step that fails half way still gets the chance to clean up.
      started.push(step)
      await step.start?.()
    }
  }

  const stopSteps = async (reason: string): Promise<boolean> => {
    const startedAt = performance.now()
    const deadline = startedAt + graceMs
    await within(
      deadline - performance.now(),
      starting?.catch(() => undefined),
    )
    let isClean = true
    for (const step of started.splice(0).reverse()) {
      try {
        const isDone = await within(deadline - performance.now(), Promise.resolve(step.stop?.()))
        if (isDone) continue
        logger.error('process.stop_timed_out', { step: step.name, graceMs })
      } catch (error) {
        logger.error('process.stop_failed', { step: step.name, error })
      }
      isClean = false
    }
    logger.info('process.stopped', { reason, isClean, durationMs: Math.round(performance.now() - startedAt) })
    return isClean
  }

  const stop = (reason: string): Promise<boolean> => (stopping ??= stopSteps(reason))

  return {
    add(step) {
      if (starting !== undefined) throw new Error(`Step ${step.name} was added after the start`)
      steps.push(step)
    },
    async start() {
      starting ??= startSteps()
      try {
        await starting
      } catch (error) {
        await stop('start failed')
        throw error
      }
    },
    stop,
    isStopping: () => stopping !== undefined,
  }
}

/** Waits for work at most `ms`; false when the time ran out first. The work itself goes on. */
async function within(ms: number, work: Promise<unknown> | undefined): Promise<boolean> {
  if (work === undefined) return true
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, ms))
  })
  try {
    return await Promise.race([work.then(() => true), timeout])
  } finally {
    clearTimeout(timer)
  }
}
