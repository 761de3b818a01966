const POLL_MS = 25
const WAIT_MS_MAX = 30_000

/** Asks again and again until the answer is there (neither undefined nor false), and gives it. @throws after a deadline. */
export async function pollUntil<Answer>(
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  options: { what: string; timeoutMs?: number },
): Promise<Answer> {
  const timeoutMs = options.timeoutMs ?? WAIT_MS_MAX
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${options.what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
