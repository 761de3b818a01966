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

/** The shares of events that ranges with one end, and with two, are taken to hold while nothing is known. */
const OPEN_RANGE_SHARE = 0.3
const CLOSED_RANGE_SHARE = 0.05

/** A value that no sampled event had is taken to come half as often as one that one had. */
const UNSEEN_SHARE = 0.5

/** Bytes that the statistics of a feature take. */
export const FEATURE_STATISTICS_BYTES = 900

interface FeatureStatistics {
  registers: Uint8Array
  /** Hashes that were asked for, and how many they were when it was last estimated how many of them are distinct. */
  asked: number
  /** Filters that ask for it. */
  filters: number
  estimatedAt: number
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

  get size(): number {
    return this.#byFeature.size
  }

  get features(): Iterable<number> {
    return this.#byFeature.keys()
  }

  has(feature: number): boolean {
    return this.#byFeature.has(feature)
  }

  /** Makes room for a feature. */
  track(feature: number): void {
    this.#byFeature.set(feature, {
      registers: new Uint8Array(REGISTERS),
      filters: 0,
      asked: 0,
      estimatedAt: 0,
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
    known.filters += 1
    for (let index = 0; index < atom.hashes.length - atom.strays; index += 1) {
      const hash = atom.hashes[index] as number
      const register = hash >>> (32 - REGISTER_BITS)
      const rank = Math.clz32((hash << REGISTER_BITS) | (1 << (REGISTER_BITS - 1))) + 1
      if (rank > (known.registers[register] as number)) known.registers[register] = rank
      known.asked += 1
    }
  }

  /** Takes back that a filter asks for a feature. True when no filter asks for it any more: it is forgotten. */
  uncount(feature: number): boolean {
    const known = this.#byFeature.get(feature)
    if (known === undefined) return false
    known.filters -= 1
    return known.filters === 0 && this.#byFeature.delete(feature)
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
    if (atom.range !== undefined) return estimateRange(known, atom.range)
    const hashes = atom.hashes.length - atom.strays
    if (known === undefined) return hashes * atom.guess
    const byFilters = 1 / estimateValues(known, atom.guess)
    const sampled = Math.min(known.sampleCount, SAMPLES_MAX)
    if (sampled < SAMPLES_MIN) return hashes * byFilters
    let share = 0
    for (let index = 0; index < hashes; index += 1) {
      const seen = countSamples(known, atom.hashes[index] as number)
      share += seen === 0 ? Math.min(byFilters, UNSEEN_SHARE / sampled) : seen / sampled
    }
    return share
  }
}

/**
 * How many values a feature has, by what filters ask for: those that were asked for, and as many more as the guess says
 * while hardly any is asked for twice.
 */
function estimateValues(known: FeatureStatistics, guess: number): number {
  const distinct = estimateDistinct(known)
  const novelty = known.asked === 0 ? 1 : Math.min(1, distinct / known.asked)
  return 1 + distinct + novelty / guess
}

function estimateDistinct(known: FeatureStatistics): number {
  // Made anew when the count may have changed by much.
  if (known.asked < known.estimatedAt * 1.25) return known.distinct
  let sum = 0
  let empty = 0
  for (const rank of known.registers) {
    sum += 2 ** -rank
    if (rank === 0) empty += 1
  }
  const raw = (ESTIMATE_FACTOR * REGISTERS * REGISTERS) / sum
  known.distinct = raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw
  known.estimatedAt = known.asked
  return known.distinct
}

function countSamples(known: FeatureStatistics, hash: number): number {
  const count = Math.min(known.sampleCount, SAMPLES_MAX)
  let seen = 0
  for (let index = 0; index < count; index += 1) if (known.samples[index] === hash) seen += 1
  return seen
}

function estimateRange(known: FeatureStatistics | undefined, { low, high }: { low: number; high: number }): number {
  const count = known === undefined ? 0 : Math.min(known.sampleCount, SAMPLES_MAX)
  if (known === undefined || count < SAMPLES_MIN) {
    return low === -Infinity || high === Infinity ? OPEN_RANGE_SHARE : CLOSED_RANGE_SHARE
  }
  let inside = 0
  for (let index = 0; index < count; index += 1) {
    const value = known.samples[index] as number
    if (value >= low && value <= high) inside += 1
  }
  return (inside + UNSEEN_SHARE) / (count + 1)
}
