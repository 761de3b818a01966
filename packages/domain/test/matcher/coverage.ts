import type { DispatcherRule } from '../../src/dispatcher.js'
import type { Json, JsonObject } from '../../src/json.js'
import type { EventCase } from './draw-rules.js'

/** Counts what the drawn pairs have shown, so that a generator can't rot unseen. */
export interface Coverage {
  observe(rule: DispatcherRule, event: EventCase, isTaken: boolean): void
  totals(): { readonly evaluated: number; readonly matched: number }
  /** The features of which one answer, or both, never came. */
  lacking(features: readonly string[]): string[]
}

interface Count {
  matched: number
  failed: number
}

/** How often each answer has to come for each feature. */
const TIMES_MIN = 5

/**
 * Makes a coverage. An operator is counted where it alone decides: in a filter of one condition, in a rule without
 * another filter. Words and forms are counted wherever they stand.
 */
export function createCoverage(): Coverage {
  const counts = new Map<string, Count>()
  const featuresOf = new WeakMap<DispatcherRule, string[]>()
  const totals = { evaluated: 0, matched: 0 }
  return {
    observe: (rule, _event, isTaken) => {
      totals.evaluated += 1
      if (isTaken) totals.matched += 1
      let features = featuresOf.get(rule)
      if (features === undefined) {
        features = findFeatures(rule)
        featuresOf.set(rule, features)
      }
      for (const feature of features) {
        const count = counts.get(feature) ?? { matched: 0, failed: 0 }
        counts.set(feature, count)
        count[isTaken ? 'matched' : 'failed'] += 1
      }
    },
    totals: () => totals,
    lacking: (features) =>
      features.filter((feature) => {
        const { matched, failed } = counts.get(feature) ?? { matched: 0, failed: 0 }
        return matched < TIMES_MIN || failed < TIMES_MIN
      }),
  }
}

function findFeatures(rule: DispatcherRule): string[] {
  const { payloadFilter, contextFilter } = rule
  if (payloadFilter === null || contextFilter !== null) return []
  const found = new Set<string>()
  if (rule.filterLanguage === 'eventbridge') {
    const operator = findLonePatternOperator(payloadFilter)
    return operator === undefined ? [] : [`pattern ${operator}`]
  }
  collectForms(payloadFilter, found)
  const alone = findLoneOperator(payloadFilter)
  if (alone !== undefined) found.add(alone)
  return [...found]
}

function collectForms(filter: JsonObject, found: Set<string>): void {
  const entries = Object.entries(filter)
  if (entries.length === 0) found.add('{}')
  for (const [key, wanted] of entries) {
    if (['$or', '$and', '$nor'].includes(key)) {
      found.add(`key ${key}`)
      for (const each of wanted as JsonObject[]) collectForms(each, found)
    } else if (['$contains', '$equals'].includes(key)) found.add(`key ${key}`)
    else if (!Array.isArray(wanted)) {
      found.add('nested')
      collectForms(wanted as JsonObject, found)
    } else if (wanted.length === 0) found.add('[]')
  }
}

const WORDS: ReadonlySet<string> = new Set(['$or', '$and', '$nor', '$contains', '$equals'])

/** The only operator of a filter that has one condition at its top level. */
function findLoneOperator(filter: JsonObject): string | undefined {
  const [entry, another] = Object.entries(filter)
  if (entry === undefined || another !== undefined || !Array.isArray(entry[1])) return undefined
  if (WORDS.has(entry[0])) return undefined
  const [first, second] = entry[1] as Json[]
  if (first === undefined) return undefined
  if (typeof first !== 'object' || first === null) return 'literals'
  const [operator, more] = Object.keys(first)
  return second === undefined && more === undefined ? operator : undefined
}

/** The only operator of a pattern that asks one thing of one property of the payload. */
function findLonePatternOperator(pattern: JsonObject): string | undefined {
  const { detail, ...others } = pattern
  if (detail === undefined || Object.keys(others).length > 0) return undefined
  const [leaf, another] = Object.values(detail as JsonObject)
  if (!Array.isArray(leaf) || leaf.length !== 1 || another !== undefined) return undefined
  const [first] = leaf
  return typeof first === 'object' && first !== null ? Object.keys(first)[0] : undefined
}
