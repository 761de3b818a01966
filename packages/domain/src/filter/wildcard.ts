/** Up to this length a part is found by `indexOf`, whose worst case grows with the part's length. */
const INDEX_OF_LENGTH_MAX = 32

/** Whether a text matches a pattern in which each `*` stands for any characters, or none. Linear time. */
export function compileWildcard(pattern: string): (text: string) => boolean {
  return compilePieces(pattern.split('*'))
}

/**
 * Whether a text has these pieces in this order, begins with the first and ends with the last: a pattern that was split
 * at its wildcards. Linear time.
 */
export function compilePieces(pieces: readonly string[]): (text: string) => boolean {
  const [prefix = '', ...others] = pieces
  const suffix = others.pop()
  if (suffix === undefined) return (text) => text === prefix
  const middles = others.filter((part) => part !== '')
  const lengthMin = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return (text) => {
    if (text.length < lengthMin || !text.startsWith(prefix) || !text.endsWith(suffix)) return false
    const end = text.length - suffix.length
    let from = prefix.length
    // The leftmost place for each part is always the best: it leaves the most room for those that follow.
    for (const part of middles) {
      const found = findPart(text, part, from)
      if (found === -1 || found + part.length > end) return false
      from = found + part.length
    }
    return true
  }
}

function findPart(text: string, part: string, from: number): number {
  return part.length <= INDEX_OF_LENGTH_MAX ? text.indexOf(part, from) : findByPrefixTable(text, part, from)
}

/** Knuth, Morris and Pratt's search: never looks at a character of the text twice. */
function findByPrefixTable(text: string, part: string, from: number): number {
  if (text.length - from < part.length) return -1
  const borders = bordersOf(part)
  let matched = 0
  for (let index = from; index < text.length; index += 1) {
    const character = text.charCodeAt(index)
    while (matched > 0 && part.charCodeAt(matched) !== character) matched = borders[matched - 1] ?? 0
    if (part.charCodeAt(matched) === character) matched += 1
    if (matched === part.length) return index - matched + 1
  }
  return -1
}

/** For each prefix of the part, the length of its longest proper prefix that is also its suffix. */
function bordersOf(part: string): Int32Array {
  const borders = new Int32Array(part.length)
  let matched = 0
  for (let index = 1; index < part.length; index += 1) {
    const character = part.charCodeAt(index)
    while (matched > 0 && part.charCodeAt(matched) !== character) matched = borders[matched - 1] ?? 0
    if (part.charCodeAt(matched) === character) matched += 1
    borders[index] = matched
  }
  return borders
}
