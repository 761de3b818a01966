import { setFlagsFromString } from 'node:v8'

/**
 * By how much, in percent, the heap may outgrow what lives in it before garbage is collected, once much lives in it. Left
 * to itself V8 doubles it: hundreds of megabytes of dispatchers, which live long, would cost as much again.
 */
const GROWTH_PERCENT = 25

/** V8's own choice. Below the bound it costs a third less of the worker's time. */
const OWN_CHOICE = 0

/** Rules in memory from which on the heap is held tight, and below which it is left to itself again. */
const TIGHT_FROM_BYTES = 48 * 1024 * 1024
const TIGHT_UNTIL_BYTES = 40 * 1024 * 1024

/** A load of a million dispatchers brings some tens of megabytes in this time. */
const CHECK_EVERY_MS = 1_000

/** Watches how much memory rules take, and holds the heap tight while it is much. */
export interface HeapWatch {
  start(): void
  stop(): void
  /** What is done every second. */
  check(): void
}

/** What the watch is made with. */
export interface HeapWatchDeps {
  /** Bytes that the rules take now. */
  readBytes: () => number
  /** Sets the growth of the whole process's heap, in percent; 0 leaves it to V8. */
  setGrowth?: (percent: number) => void
}

/** Creates the watch. */
export function createHeapWatch({ readBytes, setGrowth = setHeapGrowth }: HeapWatchDeps): HeapWatch {
  let isTight = false
  let timer: NodeJS.Timeout | undefined
  const check = (): void => {
    const isMuch = readBytes() > (isTight ? TIGHT_UNTIL_BYTES : TIGHT_FROM_BYTES)
    if (isMuch === isTight) return
    isTight = isMuch
    setGrowth(isTight ? GROWTH_PERCENT : OWN_CHOICE)
  }
  return {
    start: () => {
      timer = setInterval(check, CHECK_EVERY_MS)
      timer.unref()
    },
    stop: () => clearInterval(timer),
    check,
  }
}

function setHeapGrowth(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`)
}
