import type { Atom } from './filter-cover.js'

/** Registers of the estimate of distinct hashes (HyperLogLog): it is within some 13 %, and takes 64 bytes. */
const REGISTERS = 64
const REGISTER_BITS = 6

/** What makes the harmonic mean of so many registers an estimate (Flajolet et al., 2007). */
const ESTIMATE_FACTOR = 0.709

/** Values of events that are remembered for a feature, the latest. */
const SAMPLES_MAX = 64

/** Values of one event: an array with very many shall not drive out those of the others. */
const SAMPLES_OF_EVENT_MAX = 4

/** From how many samples on they count. */
const SAMPLES_MIN = 16

/** The share of events that a range is taken to hold while nothing is known. */
const RANGE_SHARE = 0.3

/** The share of events that a value is taken to have while nothing is known of its feature. */
const UNKNOWN_SHARE = 0.1

/** Bytes that the statistics of a feature take. */
const FEATURE_BYTES = 900

interface FeatureStatistics {
  registers: Uint8Array
  /** Hashes seen since the estimate was made. */
  seen: number
  distinct: number
  samples: Float64Array
  sampleCount: number
}

/**
 * What is known of the features of a bucket: how many different values its filters ask for, and a few values of events.
 * Good or bad, it decides only how much time a match takes.
 */
export class KeyStatistics {
  readonly #byFeature = new Map<number, FeatureStatistics>()

  get features(): Iterable<number> {
    return this.#byFeature.keys()
  }

  get bytes(): number {
    return this.#byFeature.size * FEATURE_BYTES
  }

  has(feature: number): boolean {
    return this.#byFeature.has(feature)
  }

  /** Makes room for a feature. */
  track(feature: number): void {
    this.#byFeature.set(feature, {
      registers: new Uint8Array(REGISTERS),
      seen: 0,
      distinct: 0,
      samples: new Float64Array(SAMPLES_MAX),
      sampleCount: 0,
    })
  }

  clear(): void {
    this.#byFeature.clear()
  }

  /** Counts what a filter asks for. */
  count(atom: Atom): void {
    const known = this.#byFeature.get(atom.feature)
    if (known === undefined) return
    for (let index = 0; index < atom.hashes.length - atom.strays; index += 1) {
      const hash = atom.hashes[index] as number
      const register = hash >>> (32 - REGISTER_BITS)
      const rank = Math.clz32((hash << REGISTER_BITS) | (1 << (REGISTER_BITS - 1))) + 1
      if (rank > (known.registers[register] as number)) known.registers[register] = rank
      known.seen += 1
    }
  }

  /** Remembers what an event has of a feature; nothing is remembered as such. */
  sample(feature: number, values: readonly number[]): void {
    const known = this.#byFeature.get(feature)
    if (known === undefined) return
    const taken = values.length === 0 ? [Number.NaN] : values.slice(0, SAMPLES_OF_EVENT_MAX)
    for (const value of taken) {
      known.samples[known.sampleCount % SAMPLES_MAX] = value
      known.sampleCount += 1
    }
  }

  /** The share of events, about, that have what an atom asks for; of several hashes the sum. */
  estimateShare(atom: Atom): number {
    const known = this.#byFeature.get(atom.feature)
    if (atom.range !== undefined) return known === undefined ? RANGE_SHARE : estimateRange(known, atom.range)
    const floor = known === undefined ? UNKNOWN_SHARE : 1 / (1 + estimateDistinct(known))
    let share = 0
    for (let index = 0; index < atom.hashes.length - atom.strays; index += 1) {
      const seen = known === undefined ? 0 : countSamples(known, atom.hashes[index] as number)
      share += Math.max(floor, seen)
    }
    return share
  }
}

function estimateDistinct(known: FeatureStatistics): number {
  if (known.seen === 0) return known.distinct
  // Made anew when the count may have changed by much.
  if (known.seen * 4 < known.distinct) return known.distinct
  let sum = 0
  let empty = 0
  for (const rank of known.registers) {
    sum += 2 ** -rank
    if (rank === 0) empty += 1
  }
  const raw = (ESTIMATE_FACTOR * REGISTERS * REGISTERS) / sum
  const distinct = raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw
  known.seen = 0
  known.distinct = Math.max(distinct, known.distinct)
  return known.distinct
}

function countSamples(known: FeatureStatistics, hash: number): number {
  const count = Math.min(known.sampleCount, SAMPLES_MAX)
  if (count < SAMPLES_MIN) return 0
  let seen = 0
  for (let index = 0; index < count; index += 1) if (known.samples[index] === hash) seen += 1
  return seen / count
}

function estimateRange(known: FeatureStatistics, { low, high }: { low: number; high: number }): number {
  const count = Math.min(known.sampleCount, SAMPLES_MAX)
  if (count < SAMPLES_MIN) return RANGE_SHARE
  let inside = 0
  for (let index = 0; index < count; index += 1) {
    const value = known.samples[index] as number
    if (value >= low && value <= high) inside += 1
  }
  return (inside + 0.5) / (count + 1)
}
