import { spend, type WorkBudget } from './work-budget.js'

/** A test of texts in which case does not count, each character for itself. */
interface CaselessTest {
  readonly operator: 'caselessEquals' | 'caselessPrefix' | 'caselessSuffix'
  readonly operand: string
}

/**
 * A text in lower case, character by character, without regard to language or to neighbours: `ß`, which has no single
 * upper-case letter, stays apart from `SS`. Never changes a text's length.
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase()
  if (isAscii(text)) return lower
  return Array.from(text, foldCharacter).join('')
}

/** Prepares a test that ignores case. What it looks at costs steps: as many characters as its operand has. */
export function compileCaseless({ operator, operand }: CaselessTest): (text: string, budget: WorkBudget) => boolean {
  const folded = foldCase(operand)
  const { length } = operand
  const isWhole = operator === 'caselessEquals'
  return (text, budget) => {
    if (isWhole ? text.length !== length : text.length < length) return false
    spend(budget, length)
    const from = operator === 'caselessSuffix' ? text.length - length : 0
    return foldCase(text.slice(from, from + length)) === folded
  }
}

/** A character whose lower case is longer, such as `İ`, stays as it is. */
function foldCharacter(character: string): string {
  const lower = character.toLowerCase()
  return lower.length === character.length ? lower : character
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7f) return false
  return true
}
