import type { Json } from '../json.js'
import { compileCaseless } from './caseless.js'
import { compileContains } from './contains-json.js'
import { countScanSteps } from './count-steps.js'
import { equalsJson } from './equals-json.js'
import type { FilterLiteral, FilterTest } from './filter-tree.js'
import { type Instant, compareInstants, parseInstant } from './instant.js'
import { type IpRange, isInIpRange, parseIpRange } from './ip-range.js'
import { compileIgnoreCaseEquals } from './text.js'
import { compilePieces, compileWildcard } from './wildcard.js'
import { spend, type WorkBudget } from './work-budget.js'

/** A test that is made of others. */
export type CompositeTest = Extract<FilterTest, { operator: '$length' | 'someOf' | 'allOf' | 'noneOf' }>

/** A test with an operand of its own. */
export type LeafTest = Exclude<FilterTest, CompositeTest>

/** What one operator makes of an operand once, for many values, and how a value is tried on that. */
interface LeafOperator {
  /** A prepared operand is a literal where that is enough, so that a million filters stay small. */
  prepare: (operand: LeafTest['operand']) => unknown
  holds: (value: Json | undefined, prepared: unknown, budget: WorkBudget) => boolean
  /** The operand as it was written; where the order does not count, in any. */
  restore: (prepared: unknown) => unknown
}

/** Tries a value on a prepared operand. An undefined value is an absent property. */
export type LeafHolds = LeafOperator['holds']

/** Up to how many literals are looked through one by one; of more, halves are. */
const SEARCHED_LITERALS_MAX = 8

/** Tells whether a test has an operand of its own. */
export function isLeafTest(test: FilterTest): test is LeafTest {
  const { operator } = test
  return operator !== '$length' && operator !== 'someOf' && operator !== 'allOf' && operator !== 'noneOf'
}

/** The function that tries values for an operator. */
export function findLeafHolds(operator: LeafTest['operator']): LeafHolds {
  return LEAF_OPERATORS[operator].holds
}

/** Prepares a test's operand for {@link findLeafHolds}. */
export function prepareOperand(test: LeafTest): unknown {
  return LEAF_OPERATORS[test.operator].prepare(test.operand)
}

/** The test again, with the operand that was prepared. */
export function restoreTest(test: LeafTest, prepared: unknown): LeafTest {
  return { ...test, operand: LEAF_OPERATORS[test.operator].restore(prepared) } as LeafTest
}

/** Whether an array has a literal as an element. */
export function isElement(array: readonly Json[], literal: FilterLiteral, budget: WorkBudget): boolean {
  spend(budget, countScanSteps(array.length))
  return array.includes(literal)
}

/** Several literals, or none; many are sorted, which takes no more memory than what was written. */
class LiteralList {
  readonly literals: readonly FilterLiteral[]

  constructor(literals: readonly FilterLiteral[]) {
    this.literals = literals.length > SEARCHED_LITERALS_MAX ? literals.toSorted(compareLiterals) : literals
  }

  has(value: Json | undefined): boolean {
    if (value === undefined || typeof value === 'object') return false
    if (this.literals.length <= SEARCHED_LITERALS_MAX) return this.literals.includes(value)
    let from = 0
    let to = this.literals.length
    while (from < to) {
      const middle = (from + to) >>> 1
      const order = compareLiterals(this.literals[middle] as FilterLiteral, value)
      if (order === 0) return true
      if (order < 0) from = middle + 1
      else to = middle
    }
    return false
  }
}

/** Below 0 when one comes before the other: by type, then by value. */
function compareLiterals(one: FilterLiteral, other: FilterLiteral): number {
  if (one === other) return 0
  const type = typeof one
  if (type !== typeof other) return type < typeof other ? -1 : 1
  return (one as string) < (other as string) ? -1 : 1
}

/** An operand with what was made of it. */
interface Prepared<Operand, Made> {
  readonly operand: Operand
  readonly made: Made
}

const literals: LeafOperator = {
  prepare: (operand) => {
    const list = operand as readonly FilterLiteral[]
    return list.length === 1 ? list[0] : new LiteralList(list)
  },
  holds: isOneOf,
  restore: (prepared) => (prepared instanceof LiteralList ? prepared.literals : [prepared]),
}

/** Operators that take the operand as it is. */
function plain(holds: LeafHolds): LeafOperator {
  return { prepare: (operand) => operand, holds, restore: (prepared) => prepared }
}

function ofText(holds: (text: string, operand: string) => boolean): LeafOperator {
  return plain((value, operand) => typeof value === 'string' && holds(value, operand as string))
}

function ofNumber(holds: (number: number, operand: number) => boolean): LeafOperator {
  return plain((value, operand) => typeof value === 'number' && holds(value, operand as number))
}

/** Operators whose operand is made into something: a date is read, a pattern taken apart. */
function made<Operand, Made>(
  make: (operand: Operand) => Made,
  holds: (text: string, made: Made, budget: WorkBudget) => boolean,
): LeafOperator {
  return {
    prepare: (operand) => ({ operand, made: make(operand as Operand) }),
    holds: (value, prepared, budget) =>
      typeof value === 'string' && holds(value, (prepared as Prepared<Operand, Made>).made, budget),
    restore: (prepared) => (prepared as Prepared<Operand, Made>).operand,
  }
}

type TextTest = (text: string) => boolean

function holdsScanned(text: string, test: TextTest, budget: WorkBudget): boolean {
  spend(budget, countScanSteps(text.length))
  return test(text)
}

function caseless(operator: 'caselessEquals' | 'caselessPrefix' | 'caselessSuffix'): LeafOperator {
  return made<string, ReturnType<typeof compileCaseless>>(
    (operand) => compileCaseless({ operator, operand }),
    (text, test, budget) => test(text, budget),
  )
}

function ofDate(holds: (difference: number) => boolean): LeafOperator {
  return made<string, Instant | undefined>(parseInstant, (text, operand) => {
    const instant = parseInstant(text)
    return instant !== undefined && operand !== undefined && holds(compareInstants(instant, operand))
  })
}

const LEAF_OPERATORS: Readonly<Record<LeafTest['operator'], LeafOperator>> = {
  oneOf: literals,
  $anythingBut: { ...literals, holds: (value, prepared) => !isOneOf(value, prepared) },
  $exists: plain((value, operand) => (value !== undefined) === operand),
  $isNull: plain((value, operand) => (value === null) === operand),
  $not: plain((value, operand, budget) => {
    if (Array.isArray(value)) return !isElement(value, operand as FilterLiteral, budget)
    return value !== undefined && typeof value !== 'object' && value !== operand
  }),
  $includes: plain(
    (value, operand, budget) => Array.isArray(value) && isElement(value, operand as FilterLiteral, budget),
  ),
  $contains: {
    prepare: (operand) => ({ operand, made: compileContains(operand as Json) }),
    holds: (value, prepared, budget) =>
      (prepared as Prepared<Json, ReturnType<typeof compileContains>>).made(value, budget),
    restore: (prepared) => (prepared as Prepared<Json, unknown>).operand,
  },
  $equals: plain((value, operand, budget) => equalsJson(value, operand as Json, budget)),
  $startsWith: ofText((text, operand) => text.startsWith(operand)),
  $endsWith: ofText((text, operand) => text.endsWith(operand)),
  $ignoreCaseEquals: made<string, TextTest>(compileIgnoreCaseEquals, (text, equals, budget) => {
    spend(budget, text.length)
    return equals(text)
  }),
  $wildcard: made<string, TextTest>(compileWildcard, holdsScanned),
  pieces: made<readonly string[], TextTest>(compilePieces, holdsScanned),
  caselessEquals: caseless('caselessEquals'),
  caselessPrefix: caseless('caselessPrefix'),
  caselessSuffix: caseless('caselessSuffix'),
  $cidr: made<string, IpRange | undefined>(
    parseIpRange,
    (text, range) => range !== undefined && isInIpRange(text, range),
  ),
  $before: ofDate((difference) => difference < 0),
  $after: ofDate((difference) => difference > 0),
  $gt: ofNumber((number, operand) => number > operand),
  $gte: ofNumber((number, operand) => number >= operand),
  $lt: ofNumber((number, operand) => number < operand),
  $lte: ofNumber((number, operand) => number <= operand),
  $between: plain((value, operand) => {
    const [low, high] = operand as readonly [number, number]
    return typeof value === 'number' && value >= low && value <= high
  }),
}

function isOneOf(value: Json | undefined, prepared: unknown): boolean {
  return prepared instanceof LiteralList ? prepared.has(value) : value === prepared
}
