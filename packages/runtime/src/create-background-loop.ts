import type { Logger } from './create-logger.js'

/** What one run may say about the next. `pauseMs: 0` means that there is more to do at once. */
export interface LoopResult {
  readonly pauseMs?: number
}

export interface BackgroundLoopOptions {
  readonly name: string
  /** Pause between the end of a run and the start of the next. */
  readonly intervalMs: number
  readonly runOnce: () => Promise<LoopResult | void>
  /** Called with what a run threw; without it the error is logged. The loop goes on either way. */
  readonly onError?: (error: unknown) => void
  readonly logger: Logger
  /** Chance, for the jitter. */
  readonly random?: () => number
}

export interface BackgroundLoop {
  start(): void
  /** Ends the pause, if one is going on; a run that is going on is followed by another at once. */
  wake(): void
  /** Lets the run that is going on finish, and starts no other. */
  stop(): Promise<void>
}

/** Pauses vary by this share, so that replicas do not move in step. */
const JITTER_SHARE = 0.1

/** Runs something again and again, never twice at the same time. */
export function createBackgroundLoop(options: BackgroundLoopOptions): BackgroundLoop {
  const { name, intervalMs, runOnce, logger, random = Math.random } = options
  let running: Promise<void> | undefined
  let isStopped = false
  let isWoken = false
  let endPause: (() => void) | undefined

  const runSafely = async (): Promise<number> => {
    try {
      const result = await runOnce()
      return result?.pauseMs ?? intervalMs
    } catch (error) {
      if (options.onError === undefined) logger.error('loop.failed', { loop: name, error })
      else options.onError(error)
      return intervalMs
    }
  }

  const pause = async (ms: number): Promise<void> => {
    // Even without a pause the event loop gets its turn, or a busy loop would starve everything else.
    if (isStopped || isWoken || ms <= 0) return new Promise((resolve) => setImmediate(resolve))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms * (1 + JITTER_SHARE * (2 * random() - 1)))
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    endPause = undefined
  }

  const run = async (): Promise<void> => {
    while (!isStopped) {
      isWoken = false
      const pauseMs = await runSafely()
      await pause(pauseMs)
    }
  }

  return {
    start() {
      if (isStopped) throw new Error(`Loop ${name} was stopped and can't start again`)
      running ??= run()
    },
    wake() {
      isWoken = true
      endPause?.()
    },
    async stop() {
      isStopped = true
      endPause?.()
      await running
    },
  }
}
