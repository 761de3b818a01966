import { countTestsSteps } from '../filter/count-steps.js'
import type { FilterNode, FilterTest } from '../filter/filter-tree.js'
import { findLeafHolds, isLeafTest, restoreTest } from '../filter/leaf-test.js'
import type { Json } from '../json.js'
import { CONTEXT_ROOT, PAYLOAD_ROOT, type PathTable } from './path-table.js'
import { RuleMask } from './rule-mask.js'
import type { PathTest, RuleShape } from './rule-shapes.js'
import {
  type NumberSets,
  type SieveColumn,
  type SieveHolder,
  type SieveTest,
  toLeafHolds,
  type ValueSets,
} from './sieve-column.js'

/** Literals of one test that are looked up: a longer list is for the test itself. */
const LITERALS_MAX = 16

/** Tests of a filter that columns take in: one with more is tried by itself. */
const TESTS_MAX = 16

/** Ranges of one filter for one path that a column takes in: a lower end and an upper one. */
const RANGES_MAX = 2

/** Objects in which columns find their values: a bit for each. */
const HOLDERS_MAX = 31

/** The share of values for which a range, or any other test, is taken to hold. */
const TEST_SHARE = 0.5

/** What rules with equal filters say about values: those that are named, and all others. */
interface ValueWish {
  readonly rules: RuleMask
  readonly values: readonly Json[]
  readonly ofValues: boolean
  readonly ofOthers: boolean
}

/** The numbers that rules with equal filters want. */
interface NumberWish {
  readonly rules: RuleMask
  readonly low: number
  readonly high: number
  readonly isLowOpen: boolean
  readonly isHighOpen: boolean
}

/** What rules ask about one path. Of values and of elements each has one wish, of ranges two: whatever else it says is a test. */
class ColumnDraft {
  readonly values: ValueWish[] = []
  readonly numbers: NumberWish[] = []
  readonly elements: ValueWish[] = []
  readonly tests: SieveTest[] = []
  /** Rules of which a wish does not hold when there is no value. */
  readonly notAbsent = new RuleMask()

  list(): { readonly rules: RuleMask }[] {
    return [...this.values, ...this.numbers, ...this.elements, ...this.tests]
  }
}

/** The filters of an entry, and the rules that have them. */
export interface DraftedFilters {
  readonly shape: RuleShape
  readonly operands: readonly unknown[]
  readonly rules: RuleMask
}

/** Gathers what rules ask about an event, and makes columns of it. */
export class SieveDraft {
  readonly #paths: PathTable
  readonly #sources: ValueWish[] = []
  readonly #accounts: ValueWish[] = []
  readonly #columns = new Map<number, ColumnDraft>()
  readonly #holders: SieveHolder[] = []
  readonly #holderPlaces = new Map<number, number>()

  constructor(paths: PathTable) {
    this.#paths = paths
  }

  /** Takes in what rules with equal filters ask. False when only source and account could be taken in. */
  take({ shape, operands, rules }: DraftedFilters): boolean {
    const { sourceAt, accountAt, pathTests } = shape
    if (sourceAt !== -1) this.#sources.push(wantOnly(rules, [operands[sourceAt] as string]))
    if (accountAt !== -1) this.#accounts.push(wantOnly(rules, [operands[accountAt] as string]))
    if (pathTests === undefined || pathTests.length > TESTS_MAX) return false
    if (!pathTests.every(({ path }) => this.#placeHolder(this.#paths.parents[path] as number) !== undefined))
      return false
    const roots = new Set(pathTests.map(({ path }) => this.#findRoot(path)))
    // A filter of which no column reads anything: it would not be known whether its payload, or context, is null.
    if (shape.holdsPayload !== undefined && !roots.has(PAYLOAD_ROOT)) return false
    if (shape.holdsContext !== undefined && !roots.has(CONTEXT_ROOT)) return false
    for (const test of pathTests) {
      const draft = this.#columns.get(test.path) ?? new ColumnDraft()
      this.#columns.set(test.path, draft)
      const isWish = takeTest(draft, test, { shape, operands, rules })
      if (!isWish) this.#holderOf(test.path).inexact.addAll(rules)
    }
    this.#takeNested(pathTests, rules)
    return true
  }

  /** Notes whether all that rules ask about properties of one holder, they ask in one nested filter. */
  #takeNested(pathTests: readonly PathTest[], rules: RuleMask): void {
    const nested = new Map<SieveHolder, FilterNode | undefined>()
    for (const { path, within } of pathTests) {
      const holder = this.#holderOf(path)
      nested.set(holder, !nested.has(holder) || nested.get(holder) === within ? within : undefined)
    }
    for (const [{ asking, single, inexact }, within] of nested) {
      asking.addAll(rules)
      if (within === undefined) inexact.addAll(rules)
      else single.addAll(rules)
    }
  }

  /** Makes the columns; first what takes away the most, so that little is left to be asked by the others. */
  finish(all: RuleMask): { sources: ValueSets; accounts: ValueSets; holders: SieveHolder[]; columns: SieveColumn[] } {
    const columns = [...this.#columns]
      .map(([path, draft]) => ({ path, draft, loss: estimateLoss(draft) }))
      .toSorted((a, b) => b.loss - a.loss)
      .map(({ path, draft }) => ({
        holder: this.#holderPlaces.get(this.#paths.parents[path] as number) as number,
        key: this.#paths.keys[path] as string,
        isInherited: this.#paths.inherited[path] as boolean,
        ...finishColumn(draft, all),
      }))
    const [sources, accounts] = [finishValues(this.#sources, all), finishValues(this.#accounts, all)]
    return { sources, accounts, holders: this.#holders, columns }
  }

  #findRoot(path: number): number {
    const above = this.#paths.parents[path] as number
    return above < 0 ? path : this.#findRoot(above)
  }

  /** What has the property at a path that is taken in. */
  #holderOf(path: number): SieveHolder {
    return this.#holders[this.#placeHolder(this.#paths.parents[path] as number) as number] as SieveHolder
  }

  /** The place of the holder at a path; undefined when it is not below payload or context, or there are too many. */
  #placeHolder(path: number): number | undefined {
    const known = this.#holderPlaces.get(path)
    if (known !== undefined) return known
    const above = this.#paths.parents[path] as number
    if (above < 0 && path !== PAYLOAD_ROOT && path !== CONTEXT_ROOT) return undefined
    const parent = above < 0 ? -1 : this.#placeHolder(above)
    if (parent === undefined || this.#holders.length === HOLDERS_MAX) return undefined
    const isInherited = this.#paths.inherited[path] as boolean
    const key = this.#paths.keys[path] as string
    const [asking, single, inexact] = [new RuleMask(), new RuleMask(), new RuleMask()]
    this.#holders.push({ parent, root: path, key, isInherited, asking, single, inexact })
    this.#holderPlaces.set(path, this.#holders.length - 1)
    return this.#holders.length - 1
  }
}

/** Takes in one test of rules. False when it is to be made for each value. */
function takeTest(draft: ColumnDraft, pathTest: PathTest, { operands, rules }: DraftedFilters): boolean {
  const { test, place } = pathTest
  const wish = readWish(test, operands[place], rules)
  const range = readRange(test.operator, operands[place], rules)
  if (wish !== undefined && countOf(draft[wish.kind], rules) === 0) draft[wish.kind].push(wish)
  else if (range !== undefined && countOf(draft.numbers, rules) < RANGES_MAX) draft.numbers.push(range)
  else {
    const isLeaf = isLeafTest(test)
    draft.tests.push({
      rules,
      steps: countTestsSteps([test]),
      holds: isLeaf ? findLeafHolds(test.operator) : toLeafHolds(pathTest.holds),
      operand: isLeaf ? operands[place] : operands,
    })
    return false
  }
  if (wish === undefined || !wish.ofAbsent) draft.notAbsent.addAll(rules)
  return true
}

function countOf(wishes: readonly { readonly rules: RuleMask }[], rules: RuleMask): number {
  return wishes.reduce((count, wish) => count + (wish.rules === rules ? 1 : 0), 0)
}

/** What a test says about values; undefined for one that is made for each. */
function readWish(
  test: FilterTest,
  operand: unknown,
  rules: RuleMask,
): (ValueWish & { kind: 'values' | 'elements'; ofAbsent: boolean }) | undefined {
  switch (test.operator) {
    case 'oneOf':
    case '$anythingBut': {
      const values = restoreTest(test, operand).operand as readonly Json[]
      const isWanted = test.operator === 'oneOf'
      const wish = { rules, values, ofValues: isWanted, ofOthers: !isWanted, ofAbsent: !isWanted }
      return values.length > LITERALS_MAX ? undefined : { kind: 'values', ...wish }
    }
    case '$isNull': {
      const isWanted = operand === true
      return { kind: 'values', rules, values: [null], ofValues: isWanted, ofOthers: !isWanted, ofAbsent: !isWanted }
    }
    case '$exists': {
      const isWanted = operand === true
      return { kind: 'values', rules, values: [], ofValues: isWanted, ofOthers: isWanted, ofAbsent: !isWanted }
    }
    case '$includes':
      return { kind: 'elements', ...wantOnly(rules, [operand as Json]), ofAbsent: false }
    default:
      return undefined
  }
}

function wantOnly(rules: RuleMask, values: readonly Json[]): ValueWish {
  return { rules, values, ofValues: true, ofOthers: false }
}

function readRange(operator: FilterTest['operator'], operand: unknown, rules: RuleMask): NumberWish | undefined {
  const all = { rules, low: -Infinity, high: Infinity, isLowOpen: false, isHighOpen: false }
  // Numbers beyond those that doubles have are read as infinite: an end that stands for itself and for none.
  if (![operand].flat().every(Number.isFinite)) return undefined
  switch (operator) {
    case '$gt':
      return { ...all, low: operand as number, isLowOpen: true }
    case '$gte':
      return { ...all, low: operand as number }
    case '$lt':
      return { ...all, high: operand as number, isHighOpen: true }
    case '$lte':
      return { ...all, high: operand as number }
    case '$between': {
      const [low, high] = operand as readonly [number, number]
      return { ...all, low, high }
    }
    default:
      return undefined
  }
}

/** The share of rules that do not want an event, summed up. */
function estimateLoss({ values, numbers, elements, tests }: ColumnDraft): number {
  let loss = (numbers.length + tests.length) * TEST_SHARE
  for (const wishes of [values, elements]) {
    const distinct = new Set(wishes.flatMap((wish) => wish.values)).size
    for (const wish of wishes) {
      const share = wish.values.length / (distinct + 1)
      loss += wish.ofValues ? 1 - share : share
    }
  }
  return loss
}

function finishColumn(draft: ColumnDraft, all: RuleMask): Omit<SieveColumn, 'holder' | 'key' | 'isInherited'> {
  const asking = new RuleMask()
  for (const { rules } of draft.list()) asking.addAll(rules)
  const ofAbsent = all.copy()
  ofAbsent.removeAll(draft.notAbsent)
  return {
    asking,
    ofAbsent,
    values: draft.values.length === 0 ? undefined : finishValues(draft.values, all),
    numbers: draft.numbers.length === 0 ? undefined : finishNumbers(draft.numbers, all),
    elements: draft.elements.length === 0 ? undefined : finishValues(draft.elements, all),
    tests: draft.tests,
  }
}

function finishValues(wishes: readonly ValueWish[], all: RuleMask): ValueSets {
  const ofOthers = all.copy()
  for (const { rules, ofOthers: isWanted } of wishes) if (!isWanted) ofOthers.removeAll(rules)
  const byValue = new Map<Json, RuleMask>()
  for (const { rules, values, ofValues } of wishes) {
    for (const value of values) {
      const left = byValue.get(value) ?? ofOthers.copy()
      byValue.set(value, left)
      if (ofValues) left.addAll(rules)
      else left.removeAll(rules)
    }
  }
  return { byValue, ofOthers }
}

function finishNumbers(wishes: readonly NumberWish[], all: RuleMask): NumberSets {
  const ends = wishes.flatMap(({ low, high }) => [low, high]).filter(Number.isFinite)
  const bounds = Float64Array.from(new Set(ends)).sort()
  const ofOthers = all.copy()
  for (const { rules } of wishes) ofOthers.removeAll(rules)
  const byPlace = Array.from({ length: bounds.length * 2 + 1 }, (_, place) => {
    const left = all.copy()
    for (const wish of wishes) if (!wantsPlace(wish, bounds, place)) left.removeAll(wish.rules)
    return left
  })
  return { bounds, byPlace, ofOthers }
}

/** Whether rules want the numbers of a place: a bound, or all between two. */
function wantsPlace({ low, high, isLowOpen, isHighOpen }: NumberWish, bounds: Float64Array, place: number): boolean {
  const index = place >> 1
  if (place % 2 === 0) return low <= (bounds[index - 1] ?? -Infinity) && (bounds[index] ?? Infinity) <= high
  const bound = bounds[index] as number
  return (isLowOpen ? low < bound : low <= bound) && (isHighOpen ? bound < high : bound <= high)
}
