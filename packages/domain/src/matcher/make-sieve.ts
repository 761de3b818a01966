import type { MatcherTuning } from './matcher-tuning.js'
import { PAYLOAD_ROOT } from './path-table.js'
import type { RuleEntries } from './rule-entries.js'
import { NO_RULE, type RuleList } from './rule-list.js'
import { RuleMask, MASK_RULES_MAX } from './rule-mask.js'
import type { RuleShapes } from './rule-shapes.js'
import { RuleSieve } from './rule-sieve.js'
import type { SieveColumn } from './sieve-column.js'
import { SieveDraft } from './sieve-draft.js'

/** Bytes of a sieve, of each of its rules and columns, and of each set and test of a column, about. */
const SIEVE_BYTES = 800
const RULE_BYTES = 150
const COLUMN_BYTES = 350
const SET_BYTES = 90

/** Where the rules of a sieve stand. */
export interface SieveSource {
  readonly entries: RuleEntries
  readonly rules: RuleList
  readonly shapes: RuleShapes
}

/** A sieve, and the memory that it takes, about. */
export interface MadeSieve {
  readonly sieve: RuleSieve
  readonly bytes: number
}

/** Makes a sieve of the rules of entries, each entry once; undefined when there are too many for one. */
export function makeSieve(
  source: SieveSource,
  entries: readonly number[],
  { sievedMax, codedAfter }: Pick<MatcherTuning, 'sievedMax' | 'codedAfter'>,
): MadeSieve | undefined {
  const listed = listRules(source, entries, Math.min(sievedMax, MASK_RULES_MAX))
  if (listed === undefined) return undefined
  const [all, whole, onPayload, onContext] = [new RuleMask(), new RuleMask(), new RuleMask(), new RuleMask()]
  const equals = new Map<number, RuleMask>()
  for (const [place, { entry }] of listed.entries()) {
    all.add(place)
    if (!equals.has(entry)) equals.set(entry, new RuleMask())
    equals.get(entry)?.add(place)
  }
  const draft = new SieveDraft(source.shapes.paths)
  for (const [entry, rules] of equals) {
    const shape = source.shapes.get(source.entries.shapeOf(entry))
    const operands = source.entries.operands[entry] as readonly unknown[]
    if (!draft.take({ shape, operands, rules })) whole.addAll(rules)
    if (shape.holdsPayload !== undefined && shape.payloadRoot === PAYLOAD_ROOT) onPayload.addAll(rules)
    if (shape.holdsContext !== undefined) onContext.addAll(rules)
  }
  const met = new Set<number>()
  const rules = listed.map(({ rule, entry, id }) => {
    const isFirst = !met.has(entry)
    met.add(entry)
    return {
      id,
      expiresAtMs: source.rules.expiryOf(rule)?.getTime() ?? Infinity,
      isOnce: source.rules.isOnce(rule),
      shape: source.shapes.get(source.entries.shapeOf(entry)),
      operands: source.entries.operands[entry] as readonly unknown[],
      equals: equals.get(entry) as RuleMask,
      isFirst,
    }
  })
  const parts = draft.finish(all)
  const sets = parts.columns.reduce((sum, column) => sum + countSets(column), parts.sources.byValue.size)
  return {
    sieve: new RuleSieve(
      { rules, whole, onPayload, onContext, ...parts },
      { codes: source.shapes.codes, after: codedAfter },
    ),
    bytes: SIEVE_BYTES + rules.length * RULE_BYTES + parts.columns.length * COLUMN_BYTES + sets * SET_BYTES,
  }
}

interface ListedRule {
  readonly rule: number
  readonly entry: number
  readonly id: string
}

function listRules({ entries, rules }: SieveSource, wanted: readonly number[], max: number): ListedRule[] | undefined {
  const listed: ListedRule[] = []
  for (const entry of wanted) {
    for (let rule = entries.firstRuleOf(entry); rule !== NO_RULE; rule = rules.nextOf(rule)) {
      if (listed.length === max) return undefined
      listed.push({ rule, entry, id: rules.ids[rule] as string })
    }
  }
  return listed.sort((a, b) => (a.id < b.id ? -1 : 1))
}

function countSets({ values, numbers, elements, tests }: SieveColumn): number {
  return (values?.byValue.size ?? 0) + (numbers?.byPlace.length ?? 0) + (elements?.byValue.size ?? 0) + tests.length
}
