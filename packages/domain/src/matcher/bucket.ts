import { chooseKeys, type KeyChoice, type KeyMarket } from './choose-keys.js'
import type { FeatureTable } from './feature-table.js'
import type { Atom, Cover } from './filter-cover.js'
import { mixHashes, scramble } from './hash.js'
import { type KeyTable } from './key-table.js'
import { FEATURE_STATISTICS_BYTES, KeyStatistics } from './key-statistics.js'
import type { MatcherTuning } from './matcher-tuning.js'
import { RangeList } from './range-list.js'
import { featuresOf, keyOf, type Signature, takeOut } from './signature.js'

/** What all buckets of a matcher share. */
export interface IndexParts {
  readonly features: FeatureTable
  readonly table: KeyTable
  readonly tuning: MatcherTuning
  readonly signatures: NumberedList<Signature>
  readonly rangeLists: NumberedList<RangeList>
  /** Bytes of buckets, signatures, statistics and lists of ranges, about: counted as they come and go. */
  readonly memory: { bytes: number }
}

/** One place at which a filter stands in a list of ranges. */
export interface RangePlace {
  list: number
  /** The node that leads to the list. */
  node: number
  low: number
}

/** What a filter takes in the index: nodes of chains, and places in lists of ranges. */
export interface Placement {
  nodes: number[]
  ranges: RangePlace[]
}

/** A list whose free places are taken again. */
export class NumberedList<Item> {
  readonly items: (Item | undefined)[] = []
  readonly #free: number[] = []

  take(make: (number: number) => Item): Item {
    const number = this.#free.pop() ?? this.items.length
    const item = make(number)
    this.items[number] = item
    return item
  }

  free(number: number): void {
    this.items[number] = undefined
    this.#free.push(number)
    if (this.#free.length === this.items.length) {
      this.items.length = 0
      this.#free.length = 0
    }
  }
}

/** Features whose values are counted in one bucket. */
const TRACKED_FEATURES_MAX = 256

/** Hashes of an atom whose chains are looked at. */
const LOOKED_HASHES_MAX = 4

const SIGNATURE_BYTES = 400
const BUCKET_BYTES = 600

/** Growth after which a bucket's filters are planned anew, with what is known by then. */
const GROWTH_FACTOR = 8

/** Events after whose look the filters of a bucket are planned anew. */
const SAMPLES_NEEDED = 64

/** From so many filters on statistics change little. */
const GROWTH_COUNT_MAX = 16_384

/** The filters for one entry of event names. */
export class Bucket implements KeyMarket {
  /** The filters, while they are few. */
  entries: number[] | undefined = []
  /** Set when the filters are looked up: they were too many to be tried one by one. */
  isIndexed = false
  /** How often its rules have changed. */
  changes = 0
  readonly signatures: Signature[] = []
  readonly byGate = new Map<number, Signature[]>()
  readonly statistics = new KeyStatistics()
  readonly #parts: IndexParts
  readonly #byKey = new Map<string | number, Signature>()
  readonly #seed: number
  #count = 0
  #plannedCount = 0
  #sampled = 0
  /** Routes that lead here. */
  routeCount = 0
  /** Filters that look at payload or context. */
  readingCount = 0
  /** Events that are still to come before a plan is judged, and how its look-ups did until then. */
  judgedAfter = 256
  events = 0
  candidates = 0
  matches = 0
  /** Set while its filters are being planned anew. */
  isSweeping = false

  constructor(parts: IndexParts, seed: number) {
    this.#parts = parts
    this.#seed = scramble(seed ^ 0x5bd1e995)
    parts.memory.bytes += BUCKET_BYTES
  }

  get count(): number {
    return this.#count
  }

  get signatureCount(): number {
    return this.signatures.length
  }

  get chainMax(): number {
    return this.#parts.tuning.chainMax
  }

  get rangesMin(): number {
    return this.#parts.tuning.rangesMin
  }

  get signaturesMax(): number {
    return this.#parts.tuning.signaturesMax
  }

  /** Tells whether the bucket has grown so much that its filters should be planned anew. */
  get isOutgrown(): boolean {
    if (!this.isIndexed) return false
    return this.#count >= this.#plannedCount * GROWTH_FACTOR && this.#plannedCount < GROWTH_COUNT_MAX
  }

  /** What is planned from now on is planned with what is known now. */
  startSweep(): void {
    this.isSweeping = true
    this.#plannedCount = this.#count
  }

  endSweep(): void {
    this.isSweeping = false
  }

  /** Whether enough events were sampled. */
  get isKnown(): boolean {
    return this.#sampled >= SAMPLES_NEEDED
  }

  /** Counts an event that was looked at; tells, once, that enough events were sampled for plans that were made without. */
  countSample(): boolean {
    this.#sampled += 1
    return this.#sampled === SAMPLES_NEEDED
  }

  /** Takes in a filter to be tried one by one. False when there are too many for that: then see `index`. */
  list(entry: number): boolean {
    this.#count += 1
    this.entries?.push(entry)
    this.#forgetMany()
    return !this.isIndexed
  }

  /** Whether the filters are too many to be tried one by one. */
  get isOverfull(): boolean {
    return !this.isIndexed && this.#count > this.#parts.tuning.scanMax
  }

  /** From now on filters are looked up; gives those that were listed. */
  stopListing(): number[] {
    const listed = [...(this.entries ?? [])]
    this.isIndexed = true
    this.#forgetMany()
    this.#plannedCount = this.#count
    return listed
  }

  /** No rule has this entry of event names any more. */
  close(): void {
    this.#parts.memory.bytes -= BUCKET_BYTES
  }

  /** Forgets a filter; one that is indexed was taken out by `release` for each of its nodes. */
  forget(entry: number): void {
    this.#count -= 1
    const index = this.entries?.indexOf(entry) ?? -1
    if (index !== -1) this.entries?.splice(index, 1)
    if (this.#count === 0) this.#reset()
  }

  /** Counts what a filter asks for, so that good keys are known by what is asked. */
  countAsked(cover: Cover): void {
    for (const atom of cover.atoms) {
      if (!this.statistics.has(atom.feature)) this.#track(atom.feature)
      this.statistics.count(atom)
    }
    for (const branches of cover.groups) for (const branch of branches) this.countAsked(branch)
  }

  /** Takes back what a filter asked for. */
  uncountAsked(cover: Cover): void {
    for (const { feature } of cover.atoms) {
      if (!this.statistics.uncount(feature)) continue
      this.#parts.features.release(feature)
      this.#parts.memory.bytes -= FEATURE_STATISTICS_BYTES
    }
    for (const branches of cover.groups) for (const branch of branches) this.uncountAsked(branch)
  }

  /** Puts a filter under the keys that serve it best. */
  index(entry: number, cover: Cover, placement: Placement): void {
    for (const choice of chooseKeys(cover, this) ?? [{ atoms: [], range: undefined }]) {
      const signature = this.#holdSignature(choice)
      for (const key of this.#listKeys(signature, choice.atoms))
        this.#place(entry, { signature, key, choice }, placement)
    }
  }

  /** Takes away a node from its signature. */
  release(signature: Signature): void {
    signature.nodes -= 1
    if (signature.nodes > 0) return
    this.#byKey.delete(keyOf(signature.features, signature.range))
    takeOut(this.signatures, signature, 'place')
    const gated = this.byGate.get(signature.gate) ?? []
    takeOut(gated, signature, 'gatePlace')
    if (gated.length === 0) this.byGate.delete(signature.gate)
    for (const feature of signature.features) this.#parts.features.release(feature)
    if (signature.range !== -1) this.#parts.features.release(signature.range)
    this.#parts.signatures.free(signature.id)
    this.#parts.memory.bytes -= SIGNATURE_BYTES
  }

  estimateShare(atom: Atom): number {
    return this.statistics.estimateShare(atom)
  }

  hasSignature(atoms: readonly Atom[], range: Atom | undefined): boolean {
    return this.#byKey.has(keyOf(featuresOf(atoms), range?.feature ?? -1))
  }

  countChain(choice: KeyChoice, max: number): number {
    const signature = this.#byKey.get(keyOf(featuresOf(choice.atoms), -1))
    if (signature === undefined) return 0
    let longest = 0
    const { table } = this.#parts
    for (const key of this.#listKeys(signature, choice.atoms, LOOKED_HASHES_MAX)) {
      longest = Math.max(longest, table.countChain(key, signature.id, max))
    }
    return longest
  }

  /** The key of a signature for one hash of each of its features, mixed in their order. */
  finishKey(hash: number): number {
    return scramble(hash) & this.#parts.tuning.keyMask
  }

  #place(
    entry: number,
    { signature, key, choice }: { signature: Signature; key: number; choice: KeyChoice },
    placement: Placement,
  ): void {
    const { table } = this.#parts
    const range = choice.range?.range
    if (range === undefined) {
      placement.nodes.push(table.add(key, entry, signature.id))
      signature.nodes += 1
      return
    }
    const node = this.#findRangeNode(signature, key)
    const list = table.entryOf(node)
    const ranges = this.#parts.rangeLists.items[list] as RangeList
    this.#parts.memory.bytes -= ranges.bytes
    ranges.add(range.low, range.high, entry)
    this.#parts.memory.bytes += ranges.bytes
    placement.ranges.push({ list, node, low: range.low })
  }

  #findRangeNode(signature: Signature, key: number): number {
    const { table, rangeLists, memory } = this.#parts
    for (let node = table.find(key); node !== 0; node = table.next(node)) {
      if (table.signatureOf(node) === signature.id) return node
    }
    let number = 0
    rangeLists.take((free) => {
      number = free
      const list = new RangeList()
      memory.bytes += list.bytes
      return list
    })
    signature.nodes += 1
    return table.add(key, number, signature.id)
  }

  #holdSignature({ atoms, range }: KeyChoice): Signature {
    const features = featuresOf(atoms)
    const key = keyOf(features, range?.feature ?? -1)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const { features: table, signatures } = this.#parts
    for (const feature of features) table.holdAgain(feature)
    if (range !== undefined) table.holdAgain(range.feature)
    const gateFeature = atoms[0]?.feature ?? range?.feature
    const made = signatures.take((id) => ({
      id,
      bucket: this,
      features,
      range: range?.feature ?? -1,
      seed: [...features, range?.feature ?? -1].reduce(mixHashes, this.#seed),
      gate: gateFeature === undefined ? -1 : (table.paths[gateFeature] as number),
      nodes: 0,
      place: 0,
      gatePlace: 0,
    }))
    this.#byKey.set(key, made)
    this.#parts.memory.bytes += SIGNATURE_BYTES
    made.place = this.signatures.push(made) - 1
    const gated = this.byGate.get(made.gate)
    if (gated === undefined) this.byGate.set(made.gate, [made])
    else made.gatePlace = gated.push(made) - 1
    return made
  }

  /** The keys of every combination of hashes; with a limit, of so many without those for strays. */
  #listKeys(signature: Signature, atoms: readonly Atom[], max = Infinity): number[] {
    const [first, second] = atoms
    if (first === undefined) return [this.finishKey(signature.seed)]
    if (second === undefined && first.hashes.length === 1) {
      return [this.finishKey(mixHashes(signature.seed, first.hashes[0] as number))]
    }
    let hashes = [signature.seed]
    for (const feature of signature.features) {
      const atom = atoms.find((each) => each.feature === feature) as Atom
      const count = max === Infinity ? atom.hashes.length : Math.min(max, atom.hashes.length - atom.strays)
      const crossed: number[] = []
      for (const hash of hashes) {
        for (let index = 0; index < count; index += 1) crossed.push(mixHashes(hash, atom.hashes[index] as number))
      }
      hashes = crossed
    }
    const keys = hashes.map((hash) => this.finishKey(hash))
    return keys.length === 1 ? keys : [...new Set(keys)]
  }

  #track(feature: number): void {
    if (this.statistics.size >= TRACKED_FEATURES_MAX) return
    this.#parts.features.holdAgain(feature)
    this.statistics.track(feature)
    this.#parts.memory.bytes += FEATURE_STATISTICS_BYTES
  }

  /** What is looked up is listed as well only as long as one sieve can hold it. */
  #forgetMany(): void {
    if (this.isIndexed && this.#count > this.#parts.tuning.sievedMax) this.entries = undefined
  }

  #reset(): void {
    this.entries = []
    this.isIndexed = false
    this.#plannedCount = 0
    this.#sampled = 0
    this.#parts.memory.bytes -= this.statistics.size * FEATURE_STATISTICS_BYTES
    for (const feature of this.statistics.features) this.#parts.features.release(feature)
    this.statistics.clear()
  }
}
