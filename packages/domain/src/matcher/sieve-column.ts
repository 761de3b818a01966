import type { ShapeTest } from '../filter/compile-test.js'
import type { LeafHolds } from '../filter/leaf-test.js'
import type { Json } from '../json.js'
import type { RuleMask } from './rule-mask.js'

/** What a value leaves of the rules: those that want it, and all that ask nothing about it. */
export interface ValueSets {
  readonly byValue: ReadonlyMap<Json, RuleMask>
  /** What any other value leaves. */
  readonly ofOthers: RuleMask
}

/** What a number leaves of the rules. */
export interface NumberSets {
  /** In ascending order. */
  readonly bounds: Float64Array
  /** For numbers below the first bound, for the first bound, for those between it and the second, and so on. */
  readonly byPlace: readonly RuleMask[]
  /** What any value leaves that is no number. */
  readonly ofOthers: RuleMask
}

/** A property that has others below it, or a root. */
export interface SieveHolder {
  /** The place of the holder above it; -1 for a root. */
  readonly parent: number
  readonly root: number
  readonly key: string
  /** Whether every object seems to have the key. */
  readonly isInherited: boolean
  /** Rules that ask about properties of it. */
  readonly asking: RuleMask
  /** Of these, which want of an array that one element has all those properties. */
  readonly single: RuleMask
  /** Those that an array's elements do not decide, by what columns know of their properties. */
  readonly inexact: RuleMask
}

/** A test that is made for the rules with equal filters. */
export interface SieveTest {
  readonly rules: RuleMask
  readonly steps: number
  readonly holds: LeafHolds
  readonly operand: unknown
}

/** What is known, by the value of one property, of the rules that ask about it. */
export interface SieveColumn {
  /** The place of what has the property. */
  readonly holder: number
  readonly key: string
  readonly isInherited: boolean
  readonly asking: RuleMask
  /** What is left when there is no value; tests are still to be made. */
  readonly ofAbsent: RuleMask
  readonly values: ValueSets | undefined
  readonly numbers: NumberSets | undefined
  /** What the elements of an array leave, each some: `ofOthers` when there is none of those that are named. */
  readonly elements: ValueSets | undefined
  readonly tests: readonly SieveTest[]
}

/** A test of a shape as one of an operand: its operand is all of them. */
export function toLeafHolds(holds: ShapeTest): LeafHolds {
  return (value, operands, budget) => holds(value, operands as readonly unknown[], budget)
}

export function findByValue({ byValue, ofOthers }: ValueSets, value: Json): RuleMask {
  return byValue.get(value) ?? ofOthers
}

export function findByNumber({ bounds, byPlace }: NumberSets, value: number): RuleMask {
  return byPlace[findPlace(bounds, value)] as RuleMask
}

/** The place of a number among sorted bounds, as {@link NumberSets} counts them. */
export function findPlace(bounds: Float64Array, value: number): number {
  let index = 0
  while (index < bounds.length && (bounds[index] as number) < value) index += 1
  return index * 2 + (bounds[index] === value ? 1 : 0)
}
