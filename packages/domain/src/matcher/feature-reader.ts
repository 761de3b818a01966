import { foldCase } from '../filter/caseless.js'
import { countScanSteps } from '../filter/count-steps.js'
import { isSomeFlatElement } from '../filter/flat-array.js'
import { parseInstant } from '../filter/instant.js'
import { countCodePoints } from '../filter/text.js'
import { spend, type WorkBudget } from '../filter/work-budget.js'
import type { Json } from '../json.js'
import { ABSENT, type EventReader, SINGLE } from './event-reader.js'
import { FEATURE_KINDS, type FeatureKind, type FeatureTable, type Spread, SPREADS } from './feature-table.js'
import { hashFolded, HASH_PRESENT, hashScalar, hashText, scramble } from './hash.js'
import { readAddressNumbers } from './address-numbers.js'

/** Instead of the hash of a text that is folded by more than ASCII rules: any filter of its signature may match it. */
export const NOT_ASCII = 1

const START_CAPACITY = 64

/** From how many characters on looking at a text is counted. */
const LONG_TEXT = 64

/** From how many hashes on a set tells which are new. */
const SEARCHED_HASHES_MAX = 16

/** Gives what an event has of each feature: hashes, or numbers for ranges. Each is found once for an event. */
export class FeatureReader {
  /** By feature: how many values the event has, and the first. Valid after `read`. */
  counts = new Int32Array(START_CAPACITY)
  hashes = new Int32Array(START_CAPACITY)
  /** The first value of a feature of ranges. */
  numbers = new Float64Array(START_CAPACITY)
  /** By feature: all values, when there are several. */
  readonly lists: (readonly number[] | undefined)[] = []
  #listed: number[] = []
  readonly #features: FeatureTable
  readonly #event: EventReader
  #stamps = new Uint32Array(START_CAPACITY)
  #epoch = 0
  #budget: WorkBudget = { stepsLeft: 0 }

  constructor(features: FeatureTable, event: EventReader) {
    this.#features = features
    this.#event = event
  }

  begin(budget: WorkBudget): void {
    this.#epoch += 1
    if (this.#epoch === 0xffffffff) {
      this.#stamps.fill(0)
      this.#epoch = 1
    }
    this.#budget = budget
    if (this.#stamps.length < this.#features.size) this.#grow()
  }

  /** Lets go of what the event had many of. */
  end(): void {
    for (const feature of this.#listed) this.lists[feature] = undefined
    if (this.#listed.length > 0) this.#listed = []
  }

  /** What reading costs is paid from this budget from now on. */
  payFrom(budget: WorkBudget): void {
    this.#budget = budget
    this.#event.payFrom(budget)
  }

  /** How many values an event has of a feature. */
  read(feature: number): number {
    if (this.#stamps[feature] === this.#epoch) return this.counts[feature] as number
    const count = this.#find(feature)
    this.#stamps[feature] = this.#epoch
    this.counts[feature] = count
    return count
  }

  #find(feature: number): number {
    const path = this.#features.paths[feature] as number
    const state = this.#event.read(path)
    if (state === ABSENT) return 0
    if (state !== SINGLE) return this.#findAll(feature, this.#event.listAt(path))
    const value = this.#event.values[path] as Json
    const spread = this.#features.spreads[feature] as Spread
    if (Array.isArray(value) && spread !== SPREADS.SELF) return this.#findAll(feature, [value])
    if (spread === SPREADS.ELEMENTS) return 0
    const derived = this.#derive(feature, value)
    if (Number.isNaN(derived)) return 0
    this.hashes[feature] = derived
    this.numbers[feature] = derived
    return 1
  }

  #findAll(feature: number, values: readonly Json[]): number {
    const spread = this.#features.spreads[feature] as Spread
    const output = new Distinct()
    spend(this.#budget, values.length)
    for (const value of values) {
      if (Array.isArray(value) && spread !== SPREADS.SELF) this.#findElements(feature, value, output)
      else if (spread !== SPREADS.ELEMENTS) output.add(this.#derive(feature, value))
    }
    const [first] = output.values
    if (first === undefined) return 0
    this.hashes[feature] = first
    this.numbers[feature] = first
    this.lists[feature] = output.values
    this.#listed.push(feature)
    return output.values.length
  }

  #findElements(feature: number, array: readonly Json[], output: Distinct): void {
    isSomeFlatElement(
      array,
      (element) => {
        output.add(this.#derive(feature, element))
        return false
      },
      this.#budget,
    )
  }

  #derive(feature: number, value: Json): number {
    if (typeof value === 'string' && value.length > LONG_TEXT) spend(this.#budget, countScanSteps(value.length))
    return derive(value, this.#features.kinds[feature] as FeatureKind, this.#features.lengths[feature] as number)
  }

  #grow(): void {
    const capacity = Math.max(this.#features.size, this.#stamps.length * 2)
    const { counts, hashes, numbers } = this
    this.counts = new Int32Array(capacity)
    this.counts.set(counts)
    this.hashes = new Int32Array(capacity)
    this.hashes.set(hashes)
    this.numbers = new Float64Array(capacity)
    this.numbers.set(numbers)
    const stamps = this.#stamps
    this.#stamps = new Uint32Array(capacity)
    this.#stamps.set(stamps)
  }
}

/** Values, each once, in the order in which they came. */
class Distinct {
  readonly values: number[] = []
  #set: Set<number> | undefined

  /** Takes in a value; NaN is none. */
  add(value: number): void {
    if (Number.isNaN(value)) return
    if (this.values.length < SEARCHED_HASHES_MAX) {
      if (!this.values.includes(value)) this.values.push(value)
      return
    }
    this.#set ??= new Set(this.values)
    if (this.#set.has(value)) return
    this.#set.add(value)
    this.values.push(value)
  }
}

/** What a feature of this kind sees in a value: a hash, or a number for ranges; NaN when it sees nothing. */
function derive(value: Json, kind: FeatureKind, length: number): number {
  switch (kind) {
    case FEATURE_KINDS.EQUAL:
      return typeof value === 'object' && value !== null ? Number.NaN : hashScalar(value)
    case FEATURE_KINDS.PRESENT:
      return HASH_PRESENT
    case FEATURE_KINDS.NUMBER:
      return typeof value === 'number' ? value : Number.NaN
    case FEATURE_KINDS.LENGTH:
      if (typeof value === 'string') return countCodePoints(value)
      return Array.isArray(value) ? value.length : Number.NaN
    default:
      return typeof value === 'string' ? deriveText(value, kind, length) : Number.NaN
  }
}

function deriveText(text: string, kind: FeatureKind, length: number): number {
  switch (kind) {
    case FEATURE_KINDS.PREFIX:
      return text.length < length ? Number.NaN : hashText(text, 0, length)
    case FEATURE_KINDS.SUFFIX:
      return text.length < length ? Number.NaN : hashText(text, text.length - length)
    case FEATURE_KINDS.FOLDED:
      return hashFoldedText(text)
    case FEATURE_KINDS.LOWER:
      return hashText(foldCase(text))
    case FEATURE_KINDS.INSTANT:
      return parseInstant(text)?.seconds ?? Number.NaN
    default:
      return readAddressNumbers(text).find((address) => address.kind === kind)?.low ?? Number.NaN
  }
}

/** The hash of a text folded by ASCII rules; `NOT_ASCII` of a text for which more than these count. */
export function hashFoldedText(text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code > 0x7e) return NOT_ASCII
  }
  const hash = hashFolded(text)
  return hash === NOT_ASCII ? scramble(hash) : hash
}
