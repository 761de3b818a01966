import { countEdits } from '../count-edits.js'
import { shorten } from './filter-check.js'
import { PATTERN_OPERATORS } from './eventbridge/pattern-operands.js'
import { OPERAND_CHECKS } from './filter-operands.js'

const EDITS_MAX = 2

/** What operators of EventBridge are called here; the others only differ by the `$`. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  prefix: '$startsWith',
  suffix: '$endsWith',
  'equals-ignore-case': '$ignoreCaseEquals',
  numeric: '$gt, $gte, $lt, $lte or $between',
}

/** Says that an operator is none, and which was meant, if one looks like it; else which there are. */
export function describeUnknownOperator(operator: string): string {
  const says = `${shorten(JSON.stringify(operator))} is no operator`
  const meant = findMeant(operator)
  if (PATTERN_OPERATORS.has(operator)) {
    const help = 'For event patterns, in the place of the payload filter, say "filterLanguage": "eventbridge".'
    return `${says}; did you mean ${OWN_NAMES[operator] ?? meant}? ${help}`
  }
  if (meant !== undefined) return `${says}; did you mean ${meant}?`
  return `${says}. In an object inside an array stand ${[...OPERAND_CHECKS.keys()].join(', ')}.`
}

function findMeant(operator: string): string | undefined {
  const plain = toPlain(operator)
  const known = [...OPERAND_CHECKS.keys()]
  return known.find((name) => toPlain(name) === plain) ?? known.find((name) => isNear(toPlain(name), plain))
}

/** Without the `$`, hyphens and case: `starts_with` is `$startsWith`. */
function toPlain(operator: string): string {
  return operator.replaceAll(/[$\s_-]/g, '').toLowerCase()
}

/** Of a short name half would be changed: `lt` is not `gt`. */
function isNear(name: string, written: string): boolean {
  if (Math.abs(name.length - written.length) > EDITS_MAX) return false
  const edits = countEdits(name, written)
  return edits <= EDITS_MAX && edits * 2 <= name.length && name[0] === written[0]
}
