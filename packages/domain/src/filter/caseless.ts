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

/** Prepares a test that ignores case. */
export function compileCaseless({ operator, operand }: CaselessTest): (text: string) => boolean {
  const folded = foldCase(operand)
  const { length } = operand
  switch (operator) {
    case 'caselessEquals':
      return (text) => text.length === length && foldCase(text) === folded
    case 'caselessPrefix':
      return (text) => text.length >= length && foldCase(text.slice(0, length)) === folded
    case 'caselessSuffix':
      return (text) => text.length >= length && foldCase(text.slice(text.length - length)) === folded
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
