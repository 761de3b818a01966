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
  /** By feature: all values, when there are several, or for ranges any. */
  readonly lists: number[][] = []
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
    const kind = this.#features.kinds[feature] as FeatureKind
    if (state === SINGLE) {
      const value = this.#event.values[path] as Json
      if (typeof value !== 'object' && kind === FEATURE_KINDS.EQUAL) {
        if (this.#features.spreads[feature] === SPREADS.ELEMENTS) return 0
        this.hashes[feature] = hashScalar(value)
        return 1
      }
    }
    const values = state === SINGLE ? [this.#event.values[path] as Json] : (this.#event.lists[path] as readonly Json[])
    const output = new Distinct()
    const spread = this.#features.spreads[feature] as Spread
    const length = this.#features.lengths[feature] as number
    spend(this.#budget, values.length)
    for (const value of values) this.#derive(value, { kind, spread, length }, output)
    const [first] = output.values
    if (first === undefined) return 0
    this.hashes[feature] = first
    this.lists[feature] = output.values
    return output.values.length
  }

  #derive(value: Json, how: Derivation, output: Distinct): void {
    if (!Array.isArray(value) || how.spread === SPREADS.SELF) {
      if (how.spread !== SPREADS.ELEMENTS) this.#deriveOne(value, how, output)
      return
    }
    isSomeFlatElement(
      value,
      (element) => {
        this.#deriveOne(element, how, output)
        return false
      },
      this.#budget,
    )
  }

  #deriveOne(value: Json, how: Derivation, output: Distinct): void {
    if (typeof value === 'string' && value.length > LONG_TEXT) spend(this.#budget, countScanSteps(value.length))
    deriveOne(value, how, output)
  }

  #grow(): void {
    const capacity = Math.max(this.#features.size, this.#stamps.length * 2)
    const { counts, hashes } = this
    this.counts = new Int32Array(capacity)
    this.counts.set(counts)
    this.hashes = new Int32Array(capacity)
    this.hashes.set(hashes)
    const stamps = this.#stamps
    this.#stamps = new Uint32Array(capacity)
    this.#stamps.set(stamps)
  }
}

interface Derivation {
  kind: FeatureKind
  spread: Spread
  length: number
}

/** Values, each once, in the order in which they came. */
class Distinct {
  readonly values: number[] = []
  #set: Set<number> | undefined

  add(value: number): void {
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

function deriveOne(value: Json, { kind, length }: { kind: FeatureKind; length: number }, output: Distinct): void {
  if (kind === FEATURE_KINDS.PRESENT) output.add(HASH_PRESENT)
  else if (kind === FEATURE_KINDS.EQUAL) {
    if (typeof value !== 'object' || value === null) output.add(hashScalar(value))
  } else if (kind === FEATURE_KINDS.NUMBER) {
    if (typeof value === 'number') output.add(value)
  } else if (kind === FEATURE_KINDS.LENGTH) {
    if (typeof value === 'string') output.add(countCodePoints(value))
    else if (Array.isArray(value)) output.add(value.length)
  } else if (typeof value === 'string') deriveText(value, { kind, length }, output)
}

function deriveText(text: string, { kind, length }: { kind: FeatureKind; length: number }, output: Distinct): void {
  switch (kind) {
    case FEATURE_KINDS.PREFIX:
      if (text.length >= length) output.add(hashText(text, 0, length))
      break
    case FEATURE_KINDS.SUFFIX:
      if (text.length >= length) output.add(hashText(text, text.length - length))
      break
    case FEATURE_KINDS.FOLDED:
      output.add(hashFoldedText(text))
      break
    case FEATURE_KINDS.LOWER:
      output.add(hashText(foldCase(text)))
      break
    case FEATURE_KINDS.INSTANT: {
      const instant = parseInstant(text)
      if (instant !== undefined) output.add(instant.seconds)
      break
    }
    default:
      for (const address of readAddressNumbers(text)) {
        if (address.kind === kind) output.add(address.low)
      }
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
