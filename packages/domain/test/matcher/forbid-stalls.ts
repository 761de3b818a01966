import { afterEach, beforeEach, expect } from '@jest/globals'

/** Far longer than any hostile case takes on a slow machine. Jest can't end what never waits; it is told afterwards. */
export const STALL_MS = 60_000

/** Has each test of a file fail that held the thread for so long. */
export function forbidStalls(): void {
  let startedAtMs = 0
  beforeEach(() => {
    startedAtMs = performance.now()
  })
  afterEach(() => {
    expect(performance.now() - startedAtMs).toBeLessThan(STALL_MS)
  })
}
