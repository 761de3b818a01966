import { createWorkBudget, spend, type WorkBudget } from '../filter/work-budget.js'
import { RequestPayloadError } from '../request-payload.js'
import type { Bucket } from './bucket.js'
import type { BucketGroup } from './bucket-group.js'
import type { EventReader } from './event-reader.js'
import type { FeatureReader } from './feature-reader.js'
import type { FilterIndex } from './filter-index.js'
import { selectFirst, sortFew } from './first-ids.js'
import { mixHashes } from './hash.js'
import { type Lookups, NO_NODE } from './key-table.js'
import type { MatchableEvent, MatchResult } from './matchable-event.js'
import { ACCOUNT_ROOT, CONTEXT_ROOT, ENVELOPE_ROOT, PAYLOAD_ROOT, SOURCE_ROOT } from './path-table.js'
import { NO_RULE } from './rule-list.js'
import type { RuleShape } from './rule-shapes.js'
import { sampleEvent } from './sample-event.js'
import type { RuleSieve } from './rule-sieve.js'
import { RuleTrial } from './rule-trial.js'
import { SieveRun, type SieveTools } from './sieve-run.js'
import type { Signature } from './signature.js'

/** What the gates of signatures can be besides the paths of an event; -1 is that of signatures without any. */
const STANDING_GATES = [-1, PAYLOAD_ROOT, CONTEXT_ROOT, ENVELOPE_ROOT, ACCOUNT_ROOT, SOURCE_ROOT]

/** A bucket is planned anew when its keys give so many filters in vain for each that matches. */
const VAIN_FACTOR = 8

/** Up to so many rules are sorted where they are. */
const SORTED_IN_PLACE_MAX = 32

const START_CAPACITY = 64

/** Keys that are looked up together: about what an event has. */
const LOOKUPS_MAX = 64

/** Finds the rules of an index that want an event: keys of the event → filters that may match → those that do. */
export class IndexSearch {
  readonly counts = { events: 0, matches: 0, candidates: 0, probes: 0 }
  readonly #index: FilterIndex
  readonly #event: EventReader
  readonly #features: FeatureReader
  readonly #trial: RuleTrial
  readonly #tools: SieveTools
  #found = new Int32Array(START_CAPACITY)
  #foundCount = 0
  readonly #pending = new Int32Array(START_CAPACITY)
  #pendingCount = 0
  readonly #probed: Lookups = {
    keys: new Int32Array(LOOKUPS_MAX),
    askers: new Int32Array(LOOKUPS_MAX),
    heads: new Int32Array(LOOKUPS_MAX),
  }
  #probeCount = 0
  #toSample: Bucket[] = []
  #now = 0
  #budget: WorkBudget = { stepsLeft: 0 }
  #address: Address = { source: '', externalAccountId: null }

  constructor(index: FilterIndex) {
    this.#index = index
    this.#event = index.shapes.event
    this.#features = index.shapes.eventFeatures
    this.#trial = new RuleTrial(index.shapes.event)
    this.#tools = { reader: this.#event, counts: this.counts }
  }

  match(event: MatchableEvent, now: Date, fanoutMax = Infinity): MatchResult {
    this.counts.events += 1
    const group = this.#index.directory.findGroup(event.name)
    const sieve = group.findSieve(this.#index)
    const budget = event.budget ?? createWorkBudget()
    if (sieve !== undefined && event.payloadType === 'JSON') {
      return sieve.match(new SieveRun(event, budget, this.#tools), now.getTime(), fanoutMax)
    }
    this.#now = now.getTime()
    this.#budget = budget
    try {
      return this.#search(event, { group, sieve, fanoutMax })
    } catch (error) {
      if (!(error instanceof RequestPayloadError) || this.#isPayloadWanted(event)) throw error
      // Nobody who could get this event looks at its payload.
      this.#event.end()
      this.#features.end()
      const unread: MatchableEvent = { ...event, payloadType: 'JSON', readPayload: () => null }
      return this.#search(unread, { group, sieve, fanoutMax })
    } finally {
      this.#event.end()
      this.#features.end()
    }
  }

  #search(event: MatchableEvent, { group, sieve, fanoutMax }: Searched): MatchResult {
    const run = new SieveRun(event, this.#budget, this.#tools)
    run.open()
    this.#trial.payFrom(this.#budget)
    // Whether it can be read decides the answer, and must not hang on which keys lead to which filters.
    if (event.payloadType === 'REQUEST' && group.readsBody) this.#event.read(PAYLOAD_ROOT)
    if (sieve !== undefined) return sieve.match(run, this.#now, fanoutMax)
    return this.#lookUpGroup(group.buckets, event, fanoutMax)
  }

  #lookUpGroup(buckets: readonly Bucket[], event: MatchableEvent, fanoutMax: number): MatchResult {
    this.#foundCount = 0
    this.#pendingCount = 0
    this.#probeCount = 0
    this.#toSample = []
    this.#address = { source: event.source, externalAccountId: event.externalAccountId }
    this.#features.begin(this.#budget)
    this.#index.entries.beginEvent()
    for (let index = 0; index < buckets.length; index += 1) this.#visit(buckets[index] as Bucket)
    if (this.#toSample.length > 0) sampleEvent(this.#index, this.#features, this.#toSample)
    this.counts.matches += this.#foundCount
    return this.#toResult(fanoutMax)
  }

  #visit(bucket: Bucket): void {
    if (!bucket.isIndexed) {
      for (const entry of bucket.entries ?? []) this.#try(entry)
      return
    }
    const { candidates } = this.counts
    const found = this.#foundCount
    this.#lookUpAll(bucket)
    this.#findProbed()
    this.#tryPending()
    bucket.events += 1
    bucket.candidates += this.counts.candidates - candidates
    bucket.matches += this.#foundCount - found
    if (this.#isSampled(bucket)) this.#toSample.push(bucket)
    if (bucket.events >= bucket.judgedAfter) this.#judge(bucket)
  }

  #lookUpAll(bucket: Bucket): void {
    const { signatures } = bucket
    if (signatures.length <= this.#index.parts.tuning.gatesMin) {
      for (let index = 0; index < signatures.length; index += 1) this.#lookUp(signatures[index] as Signature)
      return
    }
    for (const gate of STANDING_GATES) this.#lookUpGate(bucket, gate)
    if (bucket.readingCount === 0) return
    for (const gate of this.#event.listPresent()) this.#lookUpGate(bucket, gate)
  }

  #lookUpGate(bucket: Bucket, gate: number): void {
    const gated = bucket.byGate.get(gate)
    if (gated === undefined) return
    for (let index = 0; index < gated.length; index += 1) this.#lookUp(gated[index] as Signature)
  }

  #lookUp(signature: Signature): void {
    const { features } = signature
    let hash = signature.seed
    spend(this.#budget, 1)
    // Mostly the event has one value of each feature, or none of one.
    for (let index = 0; index < features.length; index += 1) {
      const feature = features[index] as number
      const count = this.#features.read(feature)
      if (count === 0) return
      if (count > 1) {
        this.#lookUpMany(signature, index, hash)
        return
      }
      hash = mixHashes(hash, this.#features.hashes[feature] as number)
    }
    this.#probe(signature, hash)
  }

  /** An event with several values: they are looked up in every combination, unless trying all filters is less work. */
  #lookUpMany(signature: Signature, index: number, hash: number): void {
    let combinations = 1
    for (const feature of signature.features) combinations *= this.#features.read(feature)
    if (combinations > this.#index.parts.tuning.combinationsMin && combinations > this.#index.entries.size)
      this.#tryEach(signature)
    else this.#cross(signature, index, hash)
  }

  #tryEach(signature: Signature): void {
    const { entries, table } = this.#index
    spend(this.#budget, entries.size)
    for (let entry = 0; entry < entries.size; entry += 1) {
      if (entries.operands[entry] === undefined) continue
      const content = entries.firstNodeOf(entry)
      let node = table.nextOfEntry(content)
      while (node !== NO_NODE && table.signatureOf(node) !== signature.id) node = table.nextOfEntry(node)
      // Of another bucket's filters neither a node nor a range says that this event's name is theirs.
      const isRanged = entries.ranges.get(entry)?.some((place) => table.signatureOf(place.node) === signature.id)
      if (node !== NO_NODE || isRanged === true) this.#try(entry)
    }
  }

  /** Looks up every combination of what the event has of the features of a signature from one on. */
  #cross(signature: Signature, index: number, hash: number): void {
    const { features } = signature
    if (index === features.length) {
      this.#probe(signature, hash)
      return
    }
    const feature = features[index] as number
    const count = this.#features.read(feature)
    if (count === 1) {
      this.#cross(signature, index + 1, mixHashes(hash, this.#features.hashes[feature] as number))
      return
    }
    if (count === 0) return
    const hashes = this.#features.lists[feature] as number[]
    spend(this.#budget, count)
    for (let place = 0; place < count; place += 1) {
      this.#cross(signature, index + 1, mixHashes(hash, hashes[place] as number))
    }
  }

  #probe(signature: Signature, hash: number): void {
    if (this.#probeCount === LOOKUPS_MAX) this.#findProbed()
    this.#probed.keys[this.#probeCount] = signature.bucket.finishKey(hash)
    this.#probed.askers[this.#probeCount] = signature.id
    this.#probeCount += 1
  }

  /** Looks all up that is to be looked up. In a large set most of the time goes by waiting for memory: the waits fall together. */
  #findProbed(): void {
    const { table, parts } = this.#index
    const { askers, heads } = this.#probed
    this.counts.probes += this.#probeCount
    const found = table.findAll(this.#probeCount, this.#probed)
    this.#probeCount = 0
    for (let index = 0; index < found; index += 1) {
      const asker = askers[index] as number
      for (let node = heads[index] as number; node !== NO_NODE; node = table.next(node)) {
        if (table.signatureOf(node) !== asker) continue
        const signature = parts.signatures.items[asker] as Signature
        if (signature.range === -1) this.#setAside(table.entryOf(node))
        else this.#stab(signature, table.entryOf(node))
      }
    }
  }

  #stab(signature: Signature, number: number): void {
    const list = this.#index.parts.rangeLists.items[number]
    const count = this.#features.read(signature.range)
    if (count === 0 || list === undefined) return
    if (count === 1) {
      spend(this.#budget, list.stab(this.#features.numbers[signature.range] as number, this.#tryFound))
      return
    }
    for (const value of this.#features.lists[signature.range] as number[]) {
      spend(this.#budget, list.stab(value, this.#tryFound))
    }
  }

  readonly #tryFound = (entry: number): void => {
    this.#setAside(entry)
  }

  #setAside(entry: number): void {
    if (this.#pendingCount === this.#pending.length) this.#tryPending()
    this.#pending[this.#pendingCount] = entry
    this.#pendingCount += 1
  }

  /**
   * Tries what was found. In a large set most of the time goes by waiting for memory: first all of it is asked for, so that
   * the waits fall together.
   */
  #tryPending(): void {
    const { entries } = this.#index
    const count = this.#pendingCount
    this.#pendingCount = 0
    // Summed up, because what nobody uses is not even asked for.
    let sum = 0
    for (let index = 0; index < count; index += 1) sum += entries.shapeOf(this.#pending[index] as number)
    for (let index = 0; index < count; index += 1) {
      sum += (entries.operands[this.#pending[index] as number] as readonly unknown[]).length
    }
    // Where operands stand is another place than their array; and where a text stands, another one still.
    for (let index = 0; index < count; index += 1) {
      const first = (entries.operands[this.#pending[index] as number] as readonly unknown[])[0]
      sum += typeof first === 'string' ? first.length : 0
    }
    if (sum < 0) throw new RangeError('shapes and operands are counted from 0')
    for (let index = 0; index < count; index += 1) this.#try(this.#pending[index] as number)
  }

  #try(entry: number): void {
    const { entries, shapes } = this.#index
    if (!entries.isFirstTry(entry)) return
    this.counts.candidates += 1
    const shape = shapes.get(entries.shapeOf(entry))
    const operands = entries.operands[entry] as readonly unknown[]
    if (!isBoundTo(shape, operands, this.#address)) return
    if (this.#trial.holds(shape, operands)) this.#take(entry)
  }

  #take(entry: number): void {
    const { entries, rules } = this.#index
    for (let rule = entries.firstRuleOf(entry); rule !== NO_RULE; rule = rules.nextOf(rule)) {
      if (rules.isExpired(rule, this.#now)) continue
      if (this.#foundCount === this.#found.length) {
        const found = new Int32Array(this.#foundCount * 2)
        found.set(this.#found)
        this.#found = found
      }
      this.#found[this.#foundCount] = rule
      this.#foundCount += 1
    }
  }

  #toResult(fanoutMax: number): MatchResult {
    const { rules } = this.#index
    const count = this.#foundCount
    const isFew = count <= SORTED_IN_PLACE_MAX && count <= fanoutMax
    if (isFew) rules.askAhead(this.#found, count)
    const first = isFew
      ? sortFew(this.#found, count, rules.ids)
      : selectFirst(this.#found.subarray(0, count), rules.ids, Math.min(fanoutMax, count))
    const taken = isFew ? count : first.length
    const dispatcherIds: string[] = []
    const onceIds: string[] = []
    for (let index = 0; index < taken; index += 1) {
      const rule = first[index] as number
      const id = rules.ids[rule] as string
      dispatcherIds.push(id)
      if (rules.isOnce(rule)) onceIds.push(id)
    }
    if (this.#found.length > 4096) this.#found = new Int32Array(START_CAPACITY)
    return { dispatcherIds, onceIds, limitedCount: count - dispatcherIds.length }
  }

  /** Tells whether a rule that covers an event has a filter on its payload: then the event can't be evaluated. */
  #isPayloadWanted(event: MatchableEvent): boolean {
    const { entries, shapes, rules, directory } = this.#index
    const buckets = new Set<Bucket>()
    for (const bucket of directory.findGroup(event.name).buckets) if (bucket.readingCount > 0) buckets.add(bucket)
    if (buckets.size === 0) return false
    spend(this.#budget, entries.size)
    for (let entry = 0; entry < entries.size; entry += 1) {
      const operands = entries.operands[entry]
      if (operands === undefined) continue
      const shape = shapes.get(entries.shapeOf(entry))
      if (shape.holdsPayload === undefined) continue
      if (!isBoundTo(shape, operands, event)) continue
      if (!directory.getRoute(entries.routeOf(entry)).buckets.some((bucket) => buckets.has(bucket))) continue
      for (let rule = entries.firstRuleOf(entry); rule !== NO_RULE; rule = rules.nextOf(rule)) {
        if (!rules.isExpired(rule, this.#now)) return true
      }
    }
    return false
  }

  /** The first events of a bucket are all looked at, and some of those that follow; none when no filter reads them. */
  #isSampled(bucket: Bucket): boolean {
    if (bucket.readingCount === 0) return false
    return !bucket.isKnown || bucket.events % this.#index.parts.tuning.sampleEvery === 0
  }

  #judge(bucket: Bucket): void {
    const isVain = bucket.candidates > VAIN_FACTOR * (bucket.matches + bucket.events)
    if (isVain) this.#index.requestSweep(bucket)
    bucket.judgedAfter = isVain ? bucket.judgedAfter * 4 : bucket.judgedAfter
    bucket.events = 0
    bucket.candidates = 0
    bucket.matches = 0
  }
}

/** Where an event is searched for, and for how many. */
interface Searched {
  readonly group: BucketGroup
  readonly sieve: RuleSieve | undefined
  readonly fanoutMax: number
}

type Address = Pick<MatchableEvent, 'source' | 'externalAccountId'>

/** Tells whether a rule is for events of any account and source, or of this one. */
function isBoundTo({ accountAt, sourceAt }: RuleShape, operands: readonly unknown[], address: Address): boolean {
  if (sourceAt !== -1 && operands[sourceAt] !== address.source) return false
  return accountAt === -1 || operands[accountAt] === address.externalAccountId
}
