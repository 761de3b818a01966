import { createWorkBudget, spend, type WorkBudget } from '../filter/work-budget.js'
import type { Json } from '../json.js'
import { ABSENT, type EventReader, SINGLE } from './event-reader.js'
import { CONTEXT_ROOT, PAYLOAD_ROOT } from './path-table.js'
import type { PathTest, RuleShape } from './rule-shapes.js'

const NO = 0
const YES = 1
/** A path leads through an array: tests of paths can't say. */
const UNSURE = 2

/** Tries filters on an event in full. What an index finds is only what may hold: this has the last word. */
export class RuleTrial {
  readonly #event: EventReader
  /** What trying costs is paid from it. */
  budget: WorkBudget = createWorkBudget(0)

  constructor(event: EventReader) {
    this.#event = event
  }

  /** What trying costs is paid from this budget from now on. */
  payFrom(budget: WorkBudget): void {
    this.budget = budget
  }

  /** Whether a filter holds for the event that is being read. */
  holds(shape: RuleShape, operands: readonly unknown[]): boolean {
    const { pathTests } = shape
    if (pathTests === undefined) return holdsInFull(shape, operands, this)
    spend(this.budget, shape.steps)
    const answer = this.#holdsAll(pathTests, operands)
    if (answer === UNSURE || (answer === YES && this.#hasNullRoot(shape))) return this.#holdsAfterAll(shape, operands)
    return answer === YES
  }

  #holdsAll(tests: readonly PathTest[], operands: readonly unknown[]): number {
    const event = this.#event
    for (let index = 0; index < tests.length; index += 1) {
      const test = tests[index] as PathTest
      const state = event.read(test.path)
      if (state === SINGLE) {
        const value = event.values[test.path]
        if (test.literal === -1) {
          if (!test.holds(value, operands, this.budget)) return NO
        } else if (value !== operands[test.literal]) return NO
      } else if (state === ABSENT) {
        if (test.literal !== -1 || !test.holds(undefined, operands, this.budget)) return NO
      } else return UNSURE
    }
    return YES
  }

  /** On a null payload or context no key holds, not even one that asks for absence. */
  #hasNullRoot({ holdsPayload, holdsContext, payloadRoot }: RuleShape): boolean {
    return (
      (holdsPayload !== undefined && payloadRoot === PAYLOAD_ROOT && this.readRoot(PAYLOAD_ROOT) === null) ||
      (holdsContext !== undefined && this.readRoot(CONTEXT_ROOT) === null)
    )
  }

  /** What was paid for is done again, in another way. */
  #holdsAfterAll(shape: RuleShape, operands: readonly unknown[]): boolean {
    this.budget.stepsLeft += shape.steps
    return holdsInFull(shape, operands, this)
  }

  /** The payload, the context or the envelope of the event that is being read. */
  readRoot(root: number): Json | undefined {
    this.#event.read(root)
    return this.#event.values[root]
  }
}

/** Where a filter finds what it looks at, and what that is paid from. */
export interface RootReader {
  readonly budget: WorkBudget
  readRoot(root: number): Json | undefined
}

/** Whether a filter holds, as the evaluator does it: each property is read anew. */
export function holdsInFull(
  { holdsPayload, holdsContext, payloadRoot }: RuleShape,
  operands: readonly unknown[],
  roots: RootReader,
): boolean {
  if (holdsPayload !== undefined && !holdsPayload(roots.readRoot(payloadRoot), operands, roots.budget)) return false
  return holdsContext === undefined || holdsContext(roots.readRoot(CONTEXT_ROOT), operands, roots.budget)
}
