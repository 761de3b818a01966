import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 50
const DEADLINE_MS = 60_000

/** Polls until `check` gives something true, and gives that. @throws after the deadline, saying what did not come. */
export async function waitUntil<Found>(
  what: string,
  check: () => Promise<Found> | Found,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<Found, undefined | false | null>> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== false && found !== null) {
      return found as Exclude<Found, undefined | false | null>
    }
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(POLL_MS)
  }
}
