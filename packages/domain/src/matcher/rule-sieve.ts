import { spend } from '../filter/work-budget.js'
import type { Json, JsonObject } from '../json.js'
import type { MatchResult } from './matchable-event.js'
import { PAYLOAD_ROOT } from './path-table.js'
import { RuleMask } from './rule-mask.js'
import { holdsInFull } from './rule-trial.js'
import { findByValue, type SieveColumn, type SieveHolder } from './sieve-column.js'
import type { SieveCode, SieveCodes, Sift } from './sieve-code.js'
import type { SievedRule, SieveParts } from './sieve-parts.js'
import { FAR_ARRAY, keepElements, keepValue, readOwn, type SieveRun, tryTests } from './sieve-run.js'

const WORD_BITS = 32

/** What stands where an object would have the value of a column: an array when some elements of it may have it. */
type Held = JsonObject | readonly Json[] | undefined

/** Where a sieve has its code from, and after how many events. */
export interface SieveCoding {
  readonly codes: SieveCodes
  readonly after: number
}

/** Who may be taken of so many that hold. */
interface Takers {
  readonly nowMs: number
  readonly fanoutMax: number
  readonly count: number
}

/**
 * A few rules, laid out so that an event is tried on all at once: each value that it has takes away all rules that want
 * another one. What no value decides is tried by itself. Finds the ids in their order.
 */
export class RuleSieve {
  readonly #parts: SieveParts
  readonly #ids: readonly string[]
  /** Milliseconds since 1970; `Infinity` for rules that do not run out. */
  readonly #expiries: Float64Array
  readonly #once = new RuleMask()
  /** Whether no rule runs out or is used up. */
  readonly #isLasting: boolean
  /** The first of rules with equal filters: such filters are tried once. */
  readonly #firsts = new RuleMask()
  readonly #held: Held[]
  /** The columns of each holder. */
  readonly #byHolder: readonly (readonly SieveColumn[])[]
  readonly #coding: SieveCoding
  /** Holders that were looked for on this event, a bit for each. */
  #known = 0
  #events = 0
  #code: SieveCode | undefined

  constructor(parts: SieveParts, coding: SieveCoding) {
    this.#parts = parts
    this.#coding = coding
    this.#held = parts.holders.map(() => undefined)
    this.#byHolder = parts.holders.map((_, place) => parts.columns.filter(({ holder }) => holder === place))
    this.#ids = parts.rules.map(({ id }) => id)
    this.#expiries = Float64Array.from(parts.rules, ({ expiresAtMs }) => expiresAtMs)
    this.#isLasting = parts.rules.every(({ isOnce, expiresAtMs }) => !isOnce && expiresAtMs === Infinity)
    for (const [place, { isOnce, isFirst }] of parts.rules.entries()) {
      if (isOnce) this.#once.add(place)
      if (isFirst) this.#firsts.add(place)
    }
  }

  match(run: SieveRun, nowMs: number, fanoutMax: number): MatchResult {
    const sift = this.#code?.sift ?? this.#askForCode()
    try {
      // What code does not know, or what it was not made for, is read from the parts.
      if (sift === undefined || !sift(run)) this.#siftByParts(run)
      if (((run.low & run.unsureLow) | (run.high & run.unsureHigh)) !== 0) this.#tryUnsure(run)
    } finally {
      run.close()
    }
    return this.#toResult(run, nowMs, fanoutMax)
  }

  /** Gives back what was made for it. */
  drop(): void {
    if (this.#code !== undefined) this.#coding.codes.release(this.#code)
    this.#code = undefined
  }

  /** Has code made after some events, and after as many again when it was taken away since, as others needed the room. */
  #askForCode(): Sift | undefined {
    this.#events += 1
    if (this.#events <= this.#coding.after) return undefined
    this.#code = this.#coding.codes.make(this.#parts)
    // Where there can't be any, there never can.
    this.#events = this.#code === undefined ? -Infinity : 0
    return this.#code?.sift
  }

  #siftByParts(run: SieveRun): void {
    const { sources, accounts, whole } = this.#parts
    const { low, high } = findByValue(sources, run.event.source)
    run.low = low
    run.high = high
    if (accounts.byValue.size > 0) run.keep(findByValue(accounts, run.event.externalAccountId))
    run.unsureLow = whole.low
    run.unsureHigh = whole.high
    try {
      this.#sift(run)
    } finally {
      for (let place = 0; place < this.#held.length; place += 1) this.#held[place] = undefined
      this.#known = 0
    }
  }

  #sift(run: SieveRun): void {
    const { columns } = this.#parts
    let isFar = false
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as SieveColumn
      if (!run.has(column.asking)) continue
      spend(run.budget, 1)
      run.tools.counts.probes += 1
      const holder = this.#find(column.holder, run)
      if (Array.isArray(holder)) isFar = true
      else {
        const value = holder === undefined ? undefined : readOwn(holder as JsonObject, column)
        if (value === undefined) run.keep(column.ofAbsent)
        else keepValue(column, value, run)
        if (column.tests.length > 0) tryTests(run, column.tests, value)
      }
    }
    if (isFar) this.#siftFar(run)
  }

  /** What is below an array is read when all else has taken away what it can: in the same order as by code. */
  #siftFar(run: SieveRun): void {
    for (const [place, columns] of this.#byHolder.entries()) {
      const held = this.#held[place]
      if (!Array.isArray(held)) continue
      const { asking, single, inexact } = this.#parts.holders[place] as SieveHolder
      run.distrust(held === FAR_ARRAY ? asking : inexact)
      if (held !== FAR_ARRAY && run.has(single)) keepElements(run, { single, columns }, held as readonly Json[])
    }
  }

  #find(place: number, run: SieveRun): Held {
    if ((this.#known & (1 << place)) !== 0) return this.#held[place]
    const holder = this.#parts.holders[place] as SieveHolder
    const held = holder.parent === -1 ? this.#findRoot(holder.root, run) : this.#findBelow(holder, run)
    this.#held[place] = held
    this.#known |= 1 << place
    return held
  }

  #findRoot(root: number, run: SieveRun): Held {
    const value = run.readRoot(root)
    // On a null payload or context no key holds, not even one that asks for absence.
    if (value === null) run.distrust(root === PAYLOAD_ROOT ? this.#parts.onPayload : this.#parts.onContext)
    return typeof value === 'object' && value !== null ? value : undefined
  }

  #findBelow(holder: SieveHolder, run: SieveRun): Held {
    const above = this.#find(holder.parent, run)
    if (above === undefined) return undefined
    if (Array.isArray(above)) return FAR_ARRAY
    const value = readOwn(above as JsonObject, holder)
    return typeof value === 'object' && value !== null ? value : undefined
  }

  /** Tries what is left and not decided as the evaluator does, equal rules once. */
  #tryUnsure(run: SieveRun): void {
    const { counts } = run.tools
    const { rules } = this.#parts
    let low = run.low & run.unsureLow
    let high = run.high & run.unsureHigh
    while ((low | high) !== 0) {
      const { shape, operands, equals } = rules[low !== 0 ? firstOf(low) : WORD_BITS + firstOf(high)] as SievedRule
      if (!holdsInFull(shape, operands, run)) {
        counts.candidates += 1
        run.remove(equals)
      }
      low &= ~equals.low
      high &= ~equals.high
    }
  }

  #toResult({ low, high, tools: { counts } }: SieveRun, nowMs: number, fanoutMax: number): MatchResult {
    const count = countBits(low) + countBits(high)
    const isEveryOne = this.#isLasting && count <= fanoutMax
    const result = isEveryOne ? this.#takeAll(low, high, count) : this.#takeSome(low, high, { nowMs, fanoutMax, count })
    counts.candidates += countBits(low & this.#firsts.low) + countBits(high & this.#firsts.high)
    counts.matches += result.dispatcherIds.length + result.limitedCount
    return result
  }

  /** The ids of rules that neither run out nor are used up. */
  #takeAll(low: number, high: number, count: number): MatchResult {
    // An array that is pushed to has room for 17.
    const dispatcherIds = new Array<string>(count)
    let taken = 0
    for (let word = low; word !== 0; word &= word - 1) dispatcherIds[taken++] = this.#ids[firstOf(word)] as string
    for (let word = high; word !== 0; word &= word - 1) {
      dispatcherIds[taken++] = this.#ids[WORD_BITS + firstOf(word)] as string
    }
    return { dispatcherIds, onceIds: [], limitedCount: 0 }
  }

  #takeSome(low: number, high: number, { nowMs, fanoutMax, count }: Takers): MatchResult {
    const result: MatchResult = { dispatcherIds: [], onceIds: [], limitedCount: 0 }
    for (let word = low, first = 0, left = 0; left < count; left += 1) {
      if (word === 0) {
        word = high
        first = WORD_BITS
      }
      const place = first + firstOf(word)
      word &= word - 1
      if ((this.#expiries[place] as number) <= nowMs) continue
      if (result.dispatcherIds.length >= fanoutMax) {
        result.limitedCount += 1
        continue
      }
      const id = this.#ids[place] as string
      result.dispatcherIds.push(id)
      if (this.#isOnce(place)) result.onceIds.push(id)
    }
    return result
  }

  #isOnce(place: number): boolean {
    return (((place < WORD_BITS ? this.#once.low : this.#once.high) >>> place) & 1) === 1
  }
}

/** The place of the lowest bit. */
function firstOf(word: number): number {
  return WORD_BITS - 1 - Math.clz32(word & -word)
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
