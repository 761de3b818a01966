import type { FilterTest } from '../filter/filter-tree.js'
import { FEATURE_KINDS, type FeatureKind } from './feature-table.js'

/** Shares of events, by the looks of what is asked for: long texts are ids more often than not. */
const GUESSED_SHARES = { PRESENT: 0.8, NULL: 0.3, BOOLEAN: 0.5, NUMBER: 0.02 } as const

/** From how many characters on a text is taken to be so rare. */
const GUESSED_TEXT_SHARES = [
  [16, 0.000_1],
  [10, 0.001],
  [7, 0.01],
  [4, 0.05],
  [0, 0.1],
] as const

/** Guesses the share of events that have what a test asks for: of each of its hashes. `length`: that of a prefix or suffix. */
export function guessShare(kind: FeatureKind, { test, length = 0 }: { test: FilterTest; length?: number }): number {
  if (kind === FEATURE_KINDS.PRESENT) return GUESSED_SHARES.PRESENT
  const { operand } = test
  const literal: unknown = test.operator === 'oneOf' ? test.operand[0] : operand
  if (length > 0) return guessTextShare(length)
  if (typeof literal === 'boolean') return test.operator === '$isNull' ? GUESSED_SHARES.NULL : GUESSED_SHARES.BOOLEAN
  return typeof literal === 'string' ? guessTextShare(literal.length) : GUESSED_SHARES.NUMBER
}

function guessTextShare(characters: number): number {
  return GUESSED_TEXT_SHARES.find(([length]) => characters >= length)?.[1] ?? 1
}
