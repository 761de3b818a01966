/** Where the index changes its ways. No answer depends on any of it. */
export interface MatcherTuning {
  /** Filters up to which a bucket is tried one by one: in few, no look-up is faster. */
  scanMax: number
  /** Rules up to which those for one event name are tried all at once, 64 at most; 0: never. */
  sievedMax: number
  /** Events of a name, since its rules changed, after which that is worth what it takes to prepare. */
  sievedAfter: number
  /** Events that are sieved, since that was prepared, after which code is made for it. */
  codedAfter: number
  /** Filters under one key from which on a further condition is taken into the key. */
  chainMax: number
  /** Filters under one key from which on their ranges are sorted. */
  rangesMin: number
  /** Signatures of a bucket from which on an event looks up those alone whose path it has. */
  gatesMin: number
  /** Signatures of several conditions that a bucket has at most: each costs every event a look-up. */
  signaturesMax: number
  /** Combinations of an event's values that are looked up even where trying every filter would be less. */
  combinationsMin: number
  /** Bits of a key that count. */
  keyMask: number
  /** Of so many events one is looked at for what values are frequent. */
  sampleEvery: number
}

/** What a matcher starts with. Found by measuring the mixed workload of `pnpm bench matcher`. */
export const DEFAULT_TUNING: MatcherTuning = {
  scanMax: 16,
  sievedMax: 64,
  sievedAfter: 512,
  codedAfter: 4_096,
  chainMax: 6,
  rangesMin: 4,
  gatesMin: 64,
  signaturesMax: 48,
  combinationsMin: 256,
  keyMask: -1,
  sampleEvery: 32,
}
