import { parseFilterOf } from '../../src/filter/index.js'
import type { DispatcherRule } from '../../src/dispatcher.js'
import type { Json, JsonObject } from '../../src/json.js'
import type { EventCase } from './draw-rules.js'
import type { Tuning } from './matcher-tuning.js'
import { type Operation, runOperations } from './run-operations.js'

/** Runs that looking for a smaller case may take: some seconds. */
const RUNS_MAX = 6_000

/** Fails with the smallest case that was found, as text to paste into a test, when a matcher disagrees. */
export function expectAgreement(operations: readonly Operation[], tuning: Tuning): void {
  const disagreement = runOperations(operations, tuning)
  if (disagreement === undefined) return
  const smallest = shrinkOperations(operations.slice(0, disagreement.at + 1), tuning)
  const { wanted, got } = runOperations(smallest, tuning) ?? disagreement
  throw new Error(
    [
      'The matcher and the rules one by one disagree.',
      `tuning ${show(tuning)}`,
      ...smallest.map((operation) => show(operation)),
      `wanted ${show(wanted)}`,
      `got ${typeof got === 'string' ? got : show(got)}`,
    ].join('\n'),
  )
}

/** Operations that still disagree, of which none can be left out or made simpler. */
function shrinkOperations(operations: readonly Operation[], tuning: Tuning): Operation[] {
  let runs = 0
  const isWrong = (candidate: readonly Operation[]): boolean => {
    runs += 1
    return runs <= RUNS_MAX && runOperations(candidate, tuning) !== undefined
  }
  let smallest = dropOperations(operations, isWrong)
  for (let isSmaller = true; isSmaller && runs <= RUNS_MAX;) {
    isSmaller = false
    for (const [at, operation] of smallest.entries()) {
      for (const simpler of simplifyOperation(operation)) {
        const candidate = smallest.with(at, simpler)
        if (!isWrong(candidate)) continue
        smallest = candidate
        isSmaller = true
        break
      }
    }
    if (isSmaller) smallest = dropOperations(smallest, isWrong)
  }
  return smallest
}

/** Leaves out ever smaller parts, as long as it stays wrong. */
function dropOperations(operations: readonly Operation[], isWrong: (candidate: Operation[]) => boolean): Operation[] {
  let rest = [...operations]
  for (let size = Math.ceil(rest.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < rest.length;) {
      const candidate = rest.toSpliced(start, size)
      if (isWrong(candidate)) rest = candidate
      else start += size
    }
  }
  return rest
}

function simplifyOperation(operation: Operation): Operation[] {
  switch (operation.kind) {
    case 'add':
    case 'update':
      return simplifyRule(operation.rule).map((rule) => ({ ...operation, rule }))
    case 'match':
    case 'explain':
      return simplifyEvent(operation.event).map((event) => ({ ...operation, event }))
    default:
      return []
  }
}

function simplifyRule(rule: DispatcherRule): DispatcherRule[] {
  const simpler: DispatcherRule[] = []
  if (rule.eventNames.length > 1) simpler.push({ ...rule, eventNames: rule.eventNames.slice(0, 1) })
  if (rule.eventNames.length > 1) simpler.push({ ...rule, eventNames: rule.eventNames.slice(1) })
  if (rule.expiresAt !== null) simpler.push({ ...rule, expiresAt: null })
  if (rule.externalAccountId !== null) simpler.push({ ...rule, externalAccountId: null })
  if (rule.once) simpler.push({ ...rule, once: false })
  for (const part of ['payloadFilter', 'contextFilter'] as const) {
    const filter = rule[part]
    if (filter === null) continue
    simpler.push({ ...rule, [part]: null })
    const language = part === 'contextFilter' ? 'signalbox' : rule.filterLanguage
    for (const smaller of simplifyJson(filter)) {
      const parsing = parseFilterOf(language, smaller)
      if (parsing.ok) simpler.push({ ...rule, [part]: parsing.filter })
    }
  }
  return simpler
}

function simplifyEvent(event: EventCase): EventCase[] {
  return (['payload', 'context'] as const).flatMap((part) =>
    simplifyJson(event[part]).map((body) => ({ ...event, [part]: body })),
  )
}

/** The same JSON with one thing less, the largest things first. */
function simplifyJson(value: Json): Json[] {
  if (typeof value === 'string') return value.length > 3 ? [value.slice(0, 3), value.slice(0, -1)] : []
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) {
    const shorter = value.map((_, index) => value.toSpliced(index, 1))
    const inside = value.flatMap((element, index) => simplifyJson(element).map((smaller) => value.with(index, smaller)))
    return [...shorter, ...inside]
  }
  const entries = Object.entries(value)
  const shorter = entries.map((_, index) => Object.fromEntries(entries.toSpliced(index, 1)) as JsonObject)
  const inside = entries.flatMap(([key, child], index) =>
    simplifyJson(child).map((smaller) => Object.fromEntries(entries.with(index, [key, smaller])) as JsonObject),
  )
  return [...shorter, ...inside]
}

/** JSON, with what JSON can't say: `-0`, `Infinity`. */
function show(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (Object.is(each, -0)) return '«-0»'
    return typeof each === 'number' && !Number.isFinite(each) ? `«${each}»` : each
  })
}
