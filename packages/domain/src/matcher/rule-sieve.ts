import { countScanSteps } from '../filter/count-steps.js'
import { spend, type WorkBudget } from '../filter/work-budget.js'
import type { Json, JsonObject } from '../json.js'
import type { EventReader } from './event-reader.js'
import type { MatchableEvent, MatchResult } from './matchable-event.js'
import { PAYLOAD_ROOT } from './path-table.js'
import type { RuleMask } from './rule-mask.js'
import type { RuleShape } from './rule-shapes.js'
import type { RuleTrial } from './rule-trial.js'
import { findByNumber, findByValue, type SieveColumn, type SieveHolder, type ValueSets } from './sieve-column.js'

const WORD_BITS = 32

/** From how many characters on looking at a text is counted. */
const LONG_TEXT = 64

/** One rule of a sieve. */
export interface SievedRule {
  readonly id: string
  /** Milliseconds since 1970; `Infinity` when it does not run out. */
  readonly expiresAtMs: number
  readonly isOnce: boolean
  readonly shape: RuleShape
  readonly operands: readonly unknown[]
  /** The rules with the same filters, this one among them. */
  readonly equals: RuleMask
  /** Whether it is the first of these. */
  readonly isFirst: boolean
}

/** What a sieve is made of. */
export interface SieveParts {
  /** In the order of their ids. */
  readonly rules: readonly SievedRule[]
  readonly sources: ValueSets
  readonly accounts: ValueSets
  /** Where the columns find their values; what holds another comes before it. */
  readonly holders: readonly SieveHolder[]
  /** First what takes away the most. */
  readonly columns: readonly SieveColumn[]
  /** Rules that columns do not decide: their filters are more than tests of paths. */
  readonly whole: RuleMask
  /** Rules with a filter on the payload, on the context. */
  readonly onPayload: RuleMask
  readonly onContext: RuleMask
}

/** An event, and what trying rules on it takes. */
export interface SieveRun {
  readonly event: MatchableEvent
  readonly reader: EventReader
  readonly trial: RuleTrial
  readonly budget: WorkBudget
  /** Counted on. */
  readonly counts: { candidates: number; probes: number; matches: number }
  readonly nowMs: number
  readonly fanoutMax: number
}

/** What stands where an object would have the value of a column: an array when some elements of it may have it. */
type Held = JsonObject | readonly Json[] | undefined

/** Stands for an array in which no single step finds the elements. */
const FAR_ARRAY: readonly Json[] = []

/**
 * A few rules, laid out so that an event is tried on all at once: each value that it has takes away all rules that want
 * another one. What no value decides is tried by itself. Finds the ids in their order.
 */
export class RuleSieve {
  readonly #parts: SieveParts
  readonly #held: Held[]
  /** Holders that were looked for on this event, a bit for each. */
  #known = 0
  #low = 0
  #high = 0
  /** Rules that columns do not decide on this event. */
  #unsureLow = 0
  #unsureHigh = 0

  constructor(parts: SieveParts) {
    this.#parts = parts
    this.#held = parts.holders.map(() => undefined)
  }

  match(run: SieveRun): MatchResult {
    const { sources, accounts, whole } = this.#parts
    const { low, high } = findByValue(sources, run.event.source)
    this.#low = low
    this.#high = high
    if (accounts.byValue.size > 0) this.#keep(findByValue(accounts, run.event.externalAccountId))
    this.#unsureLow = whole.low
    this.#unsureHigh = whole.high
    try {
      this.#sift(run)
    } finally {
      for (let place = 0; place < this.#held.length; place += 1) this.#held[place] = undefined
      this.#known = 0
    }
    if (((this.#low & this.#unsureLow) | (this.#high & this.#unsureHigh)) !== 0) this.#tryUnsure(run)
    return this.#toResult(run)
  }

  #sift(run: SieveRun): void {
    const { columns } = this.#parts
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as SieveColumn
      const { asking } = column
      if (((asking.low & this.#low) | (asking.high & this.#high)) === 0) continue
      spend(run.budget, 1)
      run.counts.probes += 1
      const holder = this.#find(column.holder, run)
      if (holder === undefined) this.#keepAbsent(column, run)
      else if (Array.isArray(holder)) this.#keepMany(column, holder, run)
      else {
        const value = readOwn(holder as JsonObject, column)
        if (value === undefined) this.#keepAbsent(column, run)
        else this.#keepValue(column, value, run)
      }
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

  #findRoot(root: number, { reader }: SieveRun): Held {
    reader.read(root)
    const value = reader.values[root]
    // On a null payload or context no key holds, not even one that asks for absence.
    if (value === null) this.#distrust(root === PAYLOAD_ROOT ? this.#parts.onPayload : this.#parts.onContext)
    return typeof value === 'object' && value !== null ? value : undefined
  }

  #findBelow(holder: SieveHolder, run: SieveRun): Held {
    const above = this.#find(holder.parent, run)
    if (above === undefined) return undefined
    if (Array.isArray(above)) return FAR_ARRAY
    const value = readOwn(above as JsonObject, holder)
    return typeof value === 'object' && value !== null ? value : undefined
  }

  #keep({ low, high }: RuleMask): void {
    this.#low &= low
    this.#high &= high
  }

  #distrust({ low, high }: RuleMask): void {
    this.#unsureLow |= low
    this.#unsureHigh |= high
  }

  #keepAbsent(column: SieveColumn, run: SieveRun): void {
    this.#keep(column.ofAbsent)
    if (column.tests.length > 0) this.#tryTests(column, undefined, run)
  }

  #keepValue(column: SieveColumn, value: Json, run: SieveRun): void {
    const { values, numbers, elements } = column
    if (values !== undefined) {
      // Whatever is looked up is read once from end to end.
      if (typeof value === 'string' && value.length > LONG_TEXT) spend(run.budget, countScanSteps(value.length))
      this.#keep(findByValue(values, value))
    }
    if (numbers !== undefined) this.#keep(typeof value === 'number' ? findByNumber(numbers, value) : numbers.ofOthers)
    if (elements !== undefined) {
      if (Array.isArray(value)) this.#keepSome(elements, value, run)
      else this.#keep(elements.ofOthers)
    }
    if (column.tests.length > 0) this.#tryTests(column, value, run)
  }

  /** Keeps what any element leaves. */
  #keepSome(elements: ValueSets, array: readonly Json[], { budget }: SieveRun): void {
    spend(budget, array.length)
    let { low, high } = elements.ofOthers
    for (let index = 0; index < array.length; index += 1) {
      const left = findByValue(elements, array[index] as Json)
      low |= left.low
      high |= left.high
    }
    this.#low &= low
    this.#high &= high
  }

  /** Of an array some element has to hold in all: here only those go that hold for no element's value. */
  #keepMany(column: SieveColumn, array: readonly Json[], { budget }: SieveRun): void {
    this.#distrust(column.asking)
    if (column.values === undefined || array === FAR_ARRAY) return
    spend(budget, array.length)
    let { low, high } = column.ofAbsent
    for (const element of array) {
      if (typeof element !== 'object' || element === null || Array.isArray(element)) continue
      const value = readOwn(element, column)
      const left = value === undefined ? column.ofAbsent : findByValue(column.values, value)
      low |= left.low
      high |= left.high
    }
    this.#low &= low
    this.#high &= high
  }

  #tryTests({ tests }: SieveColumn, value: Json | undefined, { budget, counts }: SieveRun): void {
    for (let index = 0; index < tests.length; index += 1) {
      const test = tests[index] as SieveColumn['tests'][number]
      const { low, high } = test.rules
      if (((low & this.#low) | (high & this.#high)) === 0) continue
      spend(budget, test.steps)
      if (test.holds(value, test.operand, budget)) continue
      counts.candidates += 1
      this.#low &= ~low
      this.#high &= ~high
    }
  }

  /** Tries what is left and not decided, equal rules once. */
  #tryUnsure({ trial, counts }: SieveRun): void {
    const { rules } = this.#parts
    let low = this.#low & this.#unsureLow
    let high = this.#high & this.#unsureHigh
    while ((low | high) !== 0) {
      const { shape, operands, equals } = rules[low !== 0 ? firstOf(low) : WORD_BITS + firstOf(high)] as SievedRule
      if (!trial.holds(shape, operands)) {
        counts.candidates += 1
        this.#low &= ~equals.low
        this.#high &= ~equals.high
      }
      low &= ~equals.low
      high &= ~equals.high
    }
  }

  #toResult(run: SieveRun): MatchResult {
    const result: MatchResult = { dispatcherIds: [], onceIds: [], limitedCount: 0 }
    this.#addTaken(this.#low, 0, { run, result })
    this.#addTaken(this.#high, WORD_BITS, { run, result })
    run.counts.matches += result.dispatcherIds.length + result.limitedCount
    return result
  }

  #addTaken(taken: number, first: number, { run, result }: { run: SieveRun; result: MatchResult }): void {
    const { rules } = this.#parts
    for (let left = taken; left !== 0; left &= left - 1) {
      const { id, isOnce, isFirst, expiresAtMs } = rules[first + firstOf(left)] as SievedRule
      if (isFirst) run.counts.candidates += 1
      if (expiresAtMs <= run.nowMs) continue
      if (result.dispatcherIds.length >= run.fanoutMax) {
        result.limitedCount += 1
        continue
      }
      result.dispatcherIds.push(id)
      if (isOnce) result.onceIds.push(id)
    }
  }
}

/** The place of the lowest bit. */
function firstOf(word: number): number {
  return WORD_BITS - 1 - Math.clz32(word & -word)
}

/** JSON has no undefined: what is not inherited and not undefined is the object's own. */
function readOwn(object: JsonObject, { key, isInherited }: { key: string; isInherited: boolean }): Json | undefined {
  return isInherited && !Object.hasOwn(object, key) ? undefined : object[key]
}
