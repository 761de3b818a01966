import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 20

/** Asks again and again until the answer is true. @throws when that takes too long. */
export async function waitUntil(
  isDone: () => Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs: number; readonly pollMs?: number },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error(`${options.what} took more than ${options.timeoutMs} ms`)
    await sleep(options.pollMs ?? POLL_MS)
  }
}
