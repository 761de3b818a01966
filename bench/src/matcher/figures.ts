/** The rates on events that were all parsed at the start, and have left the processor's caches when their turn comes. */
export interface ColdFigures {
  readonly eventsPerSecond: number
  readonly loopPerSecond: number
  readonly compiledLoopPerSecond: number
  readonly ratio: number
}

/** What the child process of one size finds. */
export interface MatcherFigures {
  readonly filters: number
  readonly eventsPerSecond: number
  readonly microsPerEvent: number
  /** Events per second of each round, of which the best counts. */
  readonly rounds: readonly number[]
  /** CPU time for one event, of the best round of each: steadier where the machine does other things too. */
  readonly cpuMicrosPerCall: { readonly index: number; readonly loop: number; readonly compiledLoop: number }
  /** The ratio of the loop's CPU time to that of the index. */
  readonly cpuRatio: number
  readonly p50Micros: number
  readonly p99Micros: number
  readonly loopPerSecond: number
  readonly compiledLoopPerSecond: number
  readonly ratio: number
  readonly compiledRatio: number
  readonly cold: ColdFigures
  /** Events on which the index and both loops gave the same answers, before anything was timed. */
  readonly checkedEvents: number
  readonly matchesPerEvent: number
  readonly candidatesPerMatch: number
  readonly probesPerEvent: number
  /** Memory per filter without the strings of ids and literals. */
  readonly bytesPerFilter: number
  readonly bytesPerFilterWithStrings: number
  /** The same after a tenth of the filters went and came back. */
  readonly bytesPerFilterAfterChurn: number
  /** What the matcher itself says, with strings. */
  readonly statedBytesPerFilter: number
  readonly addsPerSecond: number
  readonly removesPerSecond: number
  /** Adding again what was removed. */
  readonly addsBackPerSecond: number
  readonly maintainMs: { readonly afterFilling: number; readonly afterWarmUp: number }
}
