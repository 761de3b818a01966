import { chmodSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A folder of a test, and how to remove it. */
export function makeTemporaryFolder(): { path: string; remove: () => Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'signalbox-devkit-test-'))
  // As root, Postgres runs under another account, which has to get in.
  chmodSync(path, 0o711)
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Waits until something is so. @throws when it is not in time. */
export async function until(isSo: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await sleep(20)) {
    if (await isSo()) return
  }
  throw new Error(`Not so within ${timeoutMs} ms: ${isSo.toString()}`)
}
