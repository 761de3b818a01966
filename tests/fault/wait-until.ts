import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 50
const DEADLINE_MS = 60_000

/**
 * Polls until `check` gives something true, and gives that.
 * @throws after the deadline, saying what did not come, also when `check` itself hangs.
 */
export async function waitUntil<Found>(
  what: string,
  check: () => Promise<Found> | Found,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<Found, undefined | false | null>> {
  const ended = new AbortController()
  const { signal } = ended
  const poll = async (): Promise<Exclude<Found, undefined | false | null> | undefined> => {
    while (!signal.aborted) {
      const found = await check()
      if (found !== undefined && found !== false && found !== null) {
        return found as Exclude<Found, undefined | false | null>
      }
      await sleep(POLL_MS)
    }
    return undefined
  }
  const giveUp = async (): Promise<never> => {
    await sleep(deadlineMs, undefined, { signal })
    throw new Error(`not within ${deadlineMs} ms: ${what}`)
  }
  try {
    return (await Promise.race([poll(), giveUp()])) as Exclude<Found, undefined | false | null>
  } finally {
    ended.abort()
  }
}
