import type { DispatcherRule } from '../dispatcher.js'
import { ANY_SOURCE } from '../event.js'
import { type Bucket, type IndexParts, NumberedList, type Placement } from './bucket.js'
import { BucketDirectory } from './bucket-directory.js'
import { type Cover, CoverReader } from './filter-cover.js'
import { CONTENT, KeyTable, NO_NODE } from './key-table.js'
import type { MatcherTuning } from './matcher-tuning.js'
import { ACCOUNT_ROOT, CONTEXT_ROOT, SOURCE_ROOT } from './path-table.js'
import type { RangeList } from './range-list.js'
import { type EntryContent, hashContent, RuleEntries } from './rule-entries.js'
import { NO_RULE, RuleList } from './rule-list.js'
import {
  listOperands,
  payloadRootOf,
  readTrees,
  restoreTrees,
  type RuleBonds,
  type RuleShape,
  type RuleShapes,
  type RuleTrees,
} from './rule-shapes.js'
import type { Signature } from './signature.js'

/** Entries that are planned anew for each rule that comes while there are some to plan. */
const SWEPT_PER_CHANGE = 3

/**
 * All filters of one environment, so placed that an event finds those it may match. Each rule belongs to an entry, which
 * it shares with rules of equal content; each entry stands in the buckets of its route, listed while these are small and
 * under keys when they are not.
 */
export class FilterIndex {
  readonly shapes: RuleShapes
  readonly table = new KeyTable()
  readonly entries = new RuleEntries()
  readonly rules = new RuleList()
  readonly directory: BucketDirectory
  readonly parts: IndexParts
  readonly #covers: CoverReader
  /** Buckets whose filters are being planned anew, and those whose turn comes when that is done. */
  #swept: Bucket[] = []
  #waiting = new Set<Bucket>()
  #cursor = 0

  constructor(shapes: RuleShapes, tuning: MatcherTuning) {
    this.shapes = shapes
    this.parts = {
      features: shapes.features,
      table: this.table,
      tuning,
      signatures: new NumberedList<Signature>(),
      rangeLists: new NumberedList<RangeList>(),
      memory: { bytes: 0 },
    }
    this.directory = new BucketDirectory(this.parts)
    this.#covers = new CoverReader(shapes.paths, shapes.features)
  }

  get bytes(): number {
    return this.table.bytes + this.entries.bytes + this.rules.bytes + this.parts.memory.bytes
  }

  /** Throws when one of a rule's filters was never valid. */
  check(rule: DispatcherRule): void {
    const trees = readTrees(rule)
    listOperands(trees)
    this.shapes.release(this.shapes.hold(trees, bondsOf(rule)))
  }

  /** Takes in a rule whose id is new. Throws before anything has changed when a filter was never valid. */
  add(rule: DispatcherRule): void {
    const trees = readTrees(rule)
    const operands = listOperands(trees)
    if (rule.externalAccountId !== null) operands.push(rule.externalAccountId)
    if (rule.source !== ANY_SOURCE) operands.push(rule.source)
    const shape = this.shapes.hold(trees, bondsOf(rule))
    const route = this.directory.hold(rule.eventNames)
    const content: EntryContent = { route, shape, operands }
    const hash = this.#hashOf(content)
    const known = this.#findEntry(hash, content)
    const entry = known ?? this.#addEntry(hash, content, trees)
    if (known !== undefined) {
      this.shapes.release(shape)
      this.directory.release(route)
    }
    const first = this.entries.firstRuleOf(entry)
    this.entries.setFirstRule(entry, this.rules.add(rule, entry, first))
    this.#countChange(entry)
    if (this.#swept.length > 0) this.sweep(SWEPT_PER_CHANGE)
  }

  /** Forgets a rule. False when there is none with this id. */
  remove(id: string): boolean {
    const rule = this.rules.find(id)
    if (rule === NO_RULE) return false
    const entry = this.rules.entryOf(rule)
    this.#countChange(entry)
    const first = this.rules.remove(rule, this.entries.firstRuleOf(entry))
    this.entries.setFirstRule(entry, first)
    if (first === NO_RULE) this.#removeEntry(entry)
    return true
  }

  /** The rule of a number as it came in, its filters as trees. */
  describe(rule: number): { eventNames: readonly string[]; source: string; account: string | null; trees: RuleTrees } {
    const entry = this.rules.entryOf(rule)
    const shape = this.shapes.get(this.entries.shapeOf(entry))
    const { eventNames } = this.directory.getRoute(this.entries.routeOf(entry))
    const operands = this.entries.operands[entry] as readonly unknown[]
    const { account, source } = readBonds(shape, operands)
    return { eventNames, source: source ?? ANY_SOURCE, account, trees: restoreTrees(shape, operands) }
  }

  /** Has a bucket's filters planned anew, bit by bit, with what is known of events by then. */
  requestSweep(bucket: Bucket): void {
    if (!bucket.isIndexed) return
    this.#waiting.add(bucket)
    if (this.#swept.length === 0) this.#startSweep()
  }

  /** Looks at about so many entries, and plans those anew whose buckets wait for it. Tells whether there are more. */
  sweep(max: number): boolean {
    for (let count = 0; count < max; count += 1) {
      if (this.#swept.length === 0 && !this.#startSweep()) return false
      if (this.#cursor >= this.entries.size) {
        for (const bucket of this.#swept) bucket.endSweep()
        this.#swept = []
        continue
      }
      if (this.entries.operands[this.#cursor] !== undefined) this.#replan(this.#cursor)
      this.#cursor += 1
    }
    return this.#swept.length > 0 || this.#waiting.size > 0
  }

  #startSweep(): boolean {
    this.#swept = [...this.#waiting].filter((bucket) => bucket.count > 0)
    this.#waiting.clear()
    this.#cursor = 0
    for (const bucket of this.#swept) bucket.startSweep()
    return this.#swept.length > 0
  }

  #replan(entry: number): void {
    const { buckets } = this.directory.getRoute(this.entries.routeOf(entry))
    if (!buckets.some((bucket) => bucket.isSweeping)) return
    // Read before anything is changed: a filter must never be left without its keys.
    const cover = this.#readCoverOf(this.#covers, entry)
    this.#takeOut(entry)
    for (const bucket of buckets) if (bucket.isIndexed) this.#index(bucket, entry, cover)
    this.#covers.release()
  }

  #countChange(entry: number): void {
    for (const bucket of this.directory.getRoute(this.entries.routeOf(entry)).buckets) bucket.changes += 1
  }

  #addEntry(hash: number, content: EntryContent, trees: RuleTrees): number {
    const entry = this.entries.take(content)
    this.entries.setFirstNode(entry, this.table.add(hash, entry, CONTENT))
    const { buckets } = content.route
    const isReading = trees.payload !== null || trees.context !== null
    let cover: Cover | undefined
    for (const bucket of buckets) {
      if (isReading) bucket.readingCount += 1
      if (bucket.list(entry)) {
        if (bucket.isOverfull) this.#indexListed(bucket)
        continue
      }
      cover ??= readCover(this.#covers, trees, readBonds(content.shape, content.operands))
      bucket.countAsked(cover)
      this.#index(bucket, entry, cover)
      if (bucket.isOutgrown) this.requestSweep(bucket)
    }
    if (cover !== undefined) this.#covers.release()
    return entry
  }

  /** A bucket that was tried one by one is looked up from now on: all is counted before anything is placed. */
  #indexListed(bucket: Bucket): void {
    const covers = new CoverReader(this.shapes.paths, this.shapes.features)
    const listed = bucket.stopListing().map((entry) => ({ entry, cover: this.#readCoverOf(covers, entry) }))
    for (const { cover } of listed) bucket.countAsked(cover)
    for (const { entry, cover } of listed) this.#index(bucket, entry, cover)
    covers.release()
  }

  #removeEntry(entry: number): void {
    this.#takeOut(entry)
    const contentNode = this.entries.firstNodeOf(entry)
    this.table.remove(contentNode)
    const shape = this.shapes.get(this.entries.shapeOf(entry))
    const route = this.directory.getRoute(this.entries.routeOf(entry))
    const isReading = shape.holdsPayload !== undefined || shape.holdsContext !== undefined
    let cover: Cover | undefined
    for (const bucket of route.buckets) {
      if (isReading) bucket.readingCount -= 1
      if (bucket.isIndexed) bucket.uncountAsked((cover ??= this.#readCoverOf(this.#covers, entry)))
      bucket.forget(entry)
    }
    this.#covers.release()
    this.entries.free(entry)
    this.shapes.release(shape)
    this.directory.release(route)
  }

  #index(bucket: Bucket, entry: number, cover: Cover): void {
    const placement: Placement = { nodes: [], ranges: [] }
    bucket.index(entry, cover, placement)
    // Behind the node of the content, which stays the first.
    const content = this.entries.firstNodeOf(entry)
    for (const node of placement.nodes) {
      this.table.setNextOfEntry(node, this.table.nextOfEntry(content))
      this.table.setNextOfEntry(content, node)
    }
    if (placement.ranges.length === 0) return
    const ranges = this.entries.ranges.get(entry)
    this.entries.ranges.set(entry, ranges === undefined ? placement.ranges : [...ranges, ...placement.ranges])
  }

  /** Takes an entry from under all of its keys; that of its content stays. */
  #takeOut(entry: number): void {
    const { signatures, rangeLists } = this.parts
    const content = this.entries.firstNodeOf(entry)
    for (let node = this.table.nextOfEntry(content); node !== NO_NODE;) {
      const next = this.table.nextOfEntry(node)
      this.#removeNode(node, signatures)
      node = next
    }
    this.table.setNextOfEntry(content, NO_NODE)
    for (const { list: number, node, low } of this.entries.ranges.get(entry) ?? []) {
      const list = rangeLists.items[number] as RangeList
      this.parts.memory.bytes -= list.bytes
      list.remove(low, entry)
      if (list.size > 0) {
        this.parts.memory.bytes += list.bytes
        continue
      }
      rangeLists.free(number)
      this.#removeNode(node, signatures)
    }
    this.entries.ranges.delete(entry)
  }

  #removeNode(node: number, signatures: NumberedList<Signature>): void {
    const signature = signatures.items[this.table.signatureOf(node)] as Signature
    this.table.remove(node)
    signature.bucket.release(signature)
  }

  #readCoverOf(covers: CoverReader, entry: number): Cover {
    const shape = this.shapes.get(this.entries.shapeOf(entry))
    const operands = this.entries.operands[entry] as readonly unknown[]
    return readCover(covers, restoreTrees(shape, operands), readBonds(shape, operands))
  }

  #hashOf(content: EntryContent): number {
    return hashContent(content) & this.parts.tuning.keyMask
  }

  #findEntry(hash: number, content: EntryContent): number | undefined {
    for (let node = this.table.findContent(hash); node !== NO_NODE; node = this.table.next(node)) {
      const entry = this.table.entryOf(node)
      if (this.entries.hasContent(entry, content)) return entry
    }
    return undefined
  }
}

interface Bonds {
  account: string | null
  source: string | null
}

function readCover(covers: CoverReader, { language, payload, context }: RuleTrees, { account, source }: Bonds): Cover {
  const cover: Cover = { atoms: [], groups: [] }
  if (account !== null) covers.addEqual(ACCOUNT_ROOT, account, cover)
  if (source !== null) covers.addEqual(SOURCE_ROOT, source, cover)
  if (payload !== null) covers.read(payload, payloadRootOf(language), cover)
  if (context !== null) covers.read(context, CONTEXT_ROOT, cover)
  return cover
}

function bondsOf({ externalAccountId, source }: DispatcherRule): RuleBonds {
  return { hasAccount: externalAccountId !== null, hasSource: source !== ANY_SOURCE }
}

function readBonds({ accountAt, sourceAt }: RuleShape, operands: readonly unknown[]): Bonds {
  return {
    account: accountAt === -1 ? null : (operands[accountAt] as string),
    source: sourceAt === -1 ? null : (operands[sourceAt] as string),
  }
}
