import { countScanSteps } from '../filter/count-steps.js'
import { spend, type WorkBudget } from '../filter/work-budget.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import type { EventReader } from './event-reader.js'
import type { MatchableEvent } from './matchable-event.js'
import { CONTEXT_ROOT, ENVELOPE_ROOT, PAYLOAD_ROOT } from './path-table.js'
import { RuleMask } from './rule-mask.js'
import { findByNumber, findByValue, type SieveColumn, type ValueSets } from './sieve-column.js'

/** From how many characters on looking at a text is counted. */
export const LONG_TEXT = 64

/** Stands for an array in which no single step finds the elements. */
export const FAR_ARRAY: readonly Json[] = []

/** What trying rules takes beside an event: the same for all events. */
export interface SieveTools {
  readonly reader: EventReader
  /** Counted on. */
  readonly counts: { candidates: number; probes: number; matches: number }
}

/**
 * What is left of the rules of a sieve while one event is tried on them: a bit for each. It is new for each event, and holds what is:
 * what is written into something older, the garbage collector has to be told of.
 */
export class SieveRun {
  low = 0
  high = 0
  /** Rules that columns do not decide on this event. */
  unsureLow = 0
  unsureHigh = 0
  readonly event: MatchableEvent
  readonly budget: WorkBudget
  readonly tools: SieveTools
  #payload: Json | undefined = undefined
  #context: Json | undefined = undefined
  #isOpen = false

  constructor(event: MatchableEvent, budget: WorkBudget, tools: SieveTools) {
    this.event = event
    this.budget = budget
    this.tools = tools
  }

  /** The payload, the context or the envelope: read from the event once. A payload that is a request is for an open run. */
  readRoot(root: number): Json | undefined {
    if (root === ENVELOPE_ROOT) this.open()
    if (this.#isOpen) {
      this.tools.reader.read(root)
      return this.tools.reader.values[root]
    }
    if (root === PAYLOAD_ROOT) {
      if (this.#payload === undefined) this.#payload = this.event.readPayload()
      return this.#payload
    }
    if (this.#context === undefined) this.#context = this.event.readContext()
    return this.#context
  }

  /** Gives the event to the reader of paths, which knows of envelopes and of payloads that are requests. */
  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    const { reader } = this.tools
    reader.begin(this.event, this.budget)
    if (this.#payload !== undefined) reader.put(PAYLOAD_ROOT, this.#payload)
    if (this.#context !== undefined) reader.put(CONTEXT_ROOT, this.#context)
  }

  /** Lets go of the event. */
  close(): void {
    if (this.#isOpen) this.tools.reader.end()
    this.#isOpen = false
  }

  /** Whether any of some rules is left. */
  has({ low, high }: RuleMask): boolean {
    return ((low & this.low) | (high & this.high)) !== 0
  }

  keep({ low, high }: RuleMask): void {
    this.low &= low
    this.high &= high
  }

  remove({ low, high }: RuleMask): void {
    this.low &= ~low
    this.high &= ~high
  }

  distrust({ low, high }: RuleMask): void {
    this.unsureLow |= low
    this.unsureHigh |= high
  }
}

/** Rules that are left, and what pays for finding out. */
type Left = Pick<SieveRun, 'low' | 'high' | 'budget'>

/** Keeps what a property that is there leaves; tests are still to be made. */
export function keepValue({ values, numbers, elements }: SieveColumn, value: Json, left: Left): void {
  if (values !== undefined) {
    if (typeof value === 'string') spendOnText(left.budget, value)
    keep(left, findByValue(values, value))
  }
  if (numbers !== undefined) keep(left, typeof value === 'number' ? findByNumber(numbers, value) : numbers.ofOthers)
  if (elements === undefined) return
  if (Array.isArray(value)) {
    spend(left.budget, value.length)
    keepSome(left, elements, value)
  } else keep(left, elements.ofOthers)
}

function keep(left: Left, { low, high }: RuleMask): void {
  left.low &= low
  left.high &= high
}

/** Keeps what any element leaves. */
function keepSome(left: Left, elements: ValueSets, array: readonly Json[]): void {
  let { low, high } = elements.ofOthers
  for (let index = 0; index < array.length; index += 1) {
    const found = findByValue(elements, array[index] as Json)
    low |= found.low
    high |= found.high
  }
  left.low &= low
  left.high &= high
}

/** What is asked about the elements of an array. */
export interface ElementColumns {
  readonly single: RuleMask
  readonly columns: readonly SieveColumn[]
}

/** Keeps, of the rules that want all of a single element, those for which one has it; tests are still to be made. */
export function keepElements(run: SieveRun, { single, columns }: ElementColumns, array: readonly Json[]): void {
  const { budget } = run
  const missing = new RuleMask()
  missing.low = run.low & single.low
  missing.high = run.high & single.high
  for (let index = 0; index < array.length && missing.hasAny(single); index += 1) {
    const element = array[index] as Json
    spend(budget, 1)
    if (!isJsonObject(element)) continue
    const left = { low: missing.low, high: missing.high, budget }
    for (const column of columns) {
      if (((left.low & column.asking.low) | (left.high & column.asking.high)) === 0) continue
      spend(budget, 1)
      const value = readOwn(element, column)
      if (value === undefined) keep(left, column.ofAbsent)
      else keepValue(column, value, left)
    }
    missing.low &= ~left.low
    missing.high &= ~left.high
  }
  run.remove(missing)
}

/** Makes the tests of a column for the rules that are left. */
export function tryTests(run: SieveRun, tests: SieveColumn['tests'], value: Json | undefined): void {
  const { budget, tools } = run
  for (let index = 0; index < tests.length; index += 1) {
    const test = tests[index] as SieveColumn['tests'][number]
    if (!run.has(test.rules)) continue
    spend(budget, test.steps)
    if (test.holds(value, test.operand, budget)) continue
    tools.counts.candidates += 1
    run.remove(test.rules)
  }
}

/** Pays for looking a long text up: it is read once from end to end. */
export function spendOnText(budget: WorkBudget, text: string): void {
  if (text.length > LONG_TEXT) spend(budget, countScanSteps(text.length))
}

/** JSON has no undefined: what is not inherited and not undefined is the object's own. */
export function readOwn(
  object: JsonObject,
  { key, isInherited }: { readonly key: string; readonly isInherited: boolean },
): Json | undefined {
  return isInherited && !Object.hasOwn(object, key) ? undefined : object[key]
}
