/**
 * Splits a wildcard pattern of EventBridge at its wildcards: `*` is one, `\*` is an asterisk and `\\` a backslash. Undefined
 * when two wildcards stand side by side or a backslash escapes something else, which EventBridge refuses.
 */
export function splitWildcard(pattern: string): string[] | undefined {
  const pieces: string[] = []
  let piece = ''
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern.charAt(index)
    if (character === '\\') {
      index += 1
      const escaped = pattern.charAt(index)
      if (escaped !== '*' && escaped !== '\\') return undefined
      piece += escaped
    } else if (character === '*') {
      if (pattern.charAt(index + 1) === '*') return undefined
      pieces.push(piece)
      piece = ''
    } else {
      piece += character
    }
  }
  return [...pieces, piece]
}
