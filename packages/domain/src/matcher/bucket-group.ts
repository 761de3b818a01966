import type { Bucket, IndexParts } from './bucket.js'
import { makeSieve, type SieveSource } from './make-sieve.js'
import type { RuleSieve } from './rule-sieve.js'

/** The buckets that events of one name look into, and the sieve of their rules when these are few. */
export class BucketGroup {
  readonly buckets: readonly Bucket[]
  readonly #parts: IndexParts
  #sieve: RuleSieve | undefined
  #sieveBytes = 0
  /** Changes of the buckets when the sieve was made, or when events began to be counted for it. */
  #changes = -1
  #events = 0

  constructor(parts: IndexParts, buckets: readonly Bucket[]) {
    this.#parts = parts
    this.buckets = buckets
  }

  /** Whether any filter looks at payload or context. */
  get readsBody(): boolean {
    return this.buckets.some(({ readingCount }) => readingCount > 0)
  }

  /** The sieve for one more event: none while the rules change, and none for many. */
  findSieve(source: SieveSource): RuleSieve | undefined {
    let changes = 0
    for (let index = 0; index < this.buckets.length; index += 1) changes += (this.buckets[index] as Bucket).changes
    if (changes !== this.#changes) {
      this.drop()
      this.#changes = changes
    }
    if (this.#sieve === undefined) this.#countEvent(source)
    return this.#sieve
  }

  /** Gives back the memory of the sieve. */
  drop(): void {
    this.#parts.memory.bytes -= this.#sieveBytes
    this.#sieveBytes = 0
    this.#sieve?.drop()
    this.#sieve = undefined
    this.#events = 0
  }

  #countEvent(source: SieveSource): void {
    this.#events += 1
    const { tuning } = this.#parts
    // Only once: rules that are too many stay so until they change.
    if (this.#events !== tuning.sievedAfter + 1 || this.buckets.length === 0) return
    const entries = new Set<number>()
    for (const bucket of this.buckets) {
      if (bucket.entries === undefined) return
      for (const entry of bucket.entries) entries.add(entry)
    }
    const made = makeSieve(source, [...entries], tuning)
    if (made === undefined) return
    this.#sieve = made.sieve
    this.#sieveBytes = made.bytes
    this.#parts.memory.bytes += made.bytes
  }
}
