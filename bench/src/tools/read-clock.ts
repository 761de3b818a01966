const NANOSECONDS_PER_MS = 1e6

/** A clock that never steps back and that all processes of the machine share, in milliseconds. */
export function readClockMs(): number {
  return Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS
}
