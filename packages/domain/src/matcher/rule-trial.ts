import { createWorkBudget, spend, type WorkBudget } from '../filter/work-budget.js'
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
  #budget: WorkBudget = createWorkBudget(0)

  constructor(event: EventReader) {
    this.#event = event
  }

  /** What trying costs is paid from this budget from now on. */
  payFrom(budget: WorkBudget): void {
    this.#budget = budget
  }

  /** Whether a filter holds for the event that is being read. */
  holds(shape: RuleShape, operands: readonly unknown[]): boolean {
    const { pathTests } = shape
    if (pathTests === undefined) return this.#holdsWhole(shape, operands)
    spend(this.#budget, shape.steps)
    const answer = this.#holdsAll(pathTests, operands)
    if (answer === UNSURE || (answer === YES && this.#hasNullRoot(shape))) return this.#holdsAfterAll(shape, operands)
    return answer === YES
  }

  /** As the evaluator does it, each property read anew. */
  #holdsWhole({ holdsPayload, holdsContext, payloadRoot }: RuleShape, operands: readonly unknown[]): boolean {
    if (holdsPayload !== undefined && !holdsPayload(this.#readRoot(payloadRoot), operands, this.#budget)) return false
    return holdsContext === undefined || holdsContext(this.#readRoot(CONTEXT_ROOT), operands, this.#budget)
  }

  #holdsAll(tests: readonly PathTest[], operands: readonly unknown[]): number {
    const event = this.#event
    for (let index = 0; index < tests.length; index += 1) {
      const test = tests[index] as PathTest
      const state = event.read(test.path)
      if (state === SINGLE) {
        const value = event.values[test.path]
        if (test.literal === -1) {
          if (!test.holds(value, operands, this.#budget)) return NO
        } else if (value !== operands[test.literal]) return NO
      } else if (state === ABSENT) {
        if (test.literal !== -1 || !test.holds(undefined, operands, this.#budget)) return NO
      } else return UNSURE
    }
    return YES
  }

  /** On a null payload or context no key holds, not even one that asks for absence. */
  #hasNullRoot({ holdsPayload, holdsContext, payloadRoot }: RuleShape): boolean {
    return (
      (holdsPayload !== undefined && payloadRoot === PAYLOAD_ROOT && this.#readRoot(PAYLOAD_ROOT) === null) ||
      (holdsContext !== undefined && this.#readRoot(CONTEXT_ROOT) === null)
    )
  }

  /** What was paid for is done again, in another way. */
  #holdsAfterAll(shape: RuleShape, operands: readonly unknown[]): boolean {
    this.#budget.stepsLeft += shape.steps
    return this.#holdsWhole(shape, operands)
  }

  #readRoot(root: number): Parameters<NonNullable<RuleShape['holdsPayload']>>[0] {
    this.#event.read(root)
    return this.#event.values[root]
  }
}
