import { setTimeout as sleep } from 'node:timers/promises'
import { isSameProcess, type ProcessIdentity } from './process-identity.js'

const POLL_MS = 25

/** Asks a process to stop, and kills it when it has not done so in time. Resolves once it is gone. */
export async function stopProcess(
  target: ProcessIdentity,
  { signal, timeoutMs }: { readonly signal: NodeJS.Signals; readonly timeoutMs: number },
): Promise<void> {
  for (const [next, waitMs] of [
    [signal, timeoutMs],
    ['SIGKILL', timeoutMs],
  ] as const) {
    sendSignal(target.pid, next)
    for (const deadline = performance.now() + waitMs; performance.now() < deadline; await sleep(POLL_MS)) {
      if (!(await isSameProcess(target))) return
    }
  }
}

/** Sends a signal; a process that is gone already is what the caller wanted anyway. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone, or not ours to stop.
  }
}
