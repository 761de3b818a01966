import { toJsonPointer } from '@signalbox/domain'
import type { z } from 'zod'
import type { ProblemError } from './problem.js'

/** Faults named in one answer; more would only make it long. */
export const PROBLEM_ERRORS_MAX = 20

/** Where validated values stand: pointers begin below it. */
export type PointerBase = readonly (string | number)[]

/** Turns zod's issues into faults with JSON pointers. */
export function toProblemErrors(issues: readonly z.core.$ZodIssue[], base: PointerBase = []): ProblemError[] {
  const errors = issues.slice(0, PROBLEM_ERRORS_MAX).flatMap((issue): ProblemError[] => {
    const path = [...base, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))]
    if (issue.code !== 'unrecognized_keys') {
      return [{ pointer: toJsonPointer(path), code: toCode(issue), message: issue.message }]
    }
    const keys = issue.keys.slice(0, PROBLEM_ERRORS_MAX)
    return keys.map((key) => ({ pointer: toJsonPointer([...path, key]), code: 'unknown_key', message: 'Unknown' }))
  })
  return errors.slice(0, PROBLEM_ERRORS_MAX)
}

/** One sentence that says the first fault, and how many more there are. */
export function summarizeErrors(errors: readonly ProblemError[]): string {
  const [first, ...others] = errors
  if (first === undefined) return 'The request is not valid'
  const text = first.pointer === '' ? first.message : `${first.pointer}: ${first.message}`
  return others.length === 0 ? text : `${text} (and ${others.length} more)`
}

// A check of ours names its code in `params`; zod's own issues have theirs.
function toCode(issue: z.core.$ZodIssue): string {
  const named = issue.code === 'custom' ? issue.params?.['code'] : undefined
  return typeof named === 'string' ? named : issue.code
}
