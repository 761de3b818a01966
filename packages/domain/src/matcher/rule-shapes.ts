import { compileShape, listOperandTests } from '../filter/compile-filter.js'
import { compileShapeTest, type OperandPlaces, type ShapeTest } from '../filter/compile-test.js'
import { countSteps } from '../filter/count-steps.js'
import type { FilterCondition, FilterNode, FilterTest } from '../filter/filter-tree.js'
import { type LeafTest, prepareOperand, restoreTest } from '../filter/leaf-test.js'
import type { DispatcherRule, FilterLanguage } from '../dispatcher.js'
import { readFilterTree, readTreeOf } from '../filter/index.js'
import { EventReader } from './event-reader.js'
import { FeatureReader } from './feature-reader.js'
import { FeatureTable } from './feature-table.js'
import { CONTEXT_ROOT, ENVELOPE_ROOT, PAYLOAD_ROOT, PathTable } from './path-table.js'
import { SieveCodes } from './sieve-code.js'

/** Whether a rule is bound to one account, and to one source: both stand behind the operands of its filters. */
export interface RuleBonds {
  hasAccount: boolean
  hasSource: boolean
}

/** The trees of a rule's filters. */
export interface RuleTrees {
  language: FilterLanguage
  payload: FilterNode | null
  context: FilterNode | null
}

/** Reads the filters of a rule. */
export function readTrees({
  filterLanguage,
  payloadFilter,
  contextFilter,
}: Pick<DispatcherRule, 'filterLanguage' | 'payloadFilter' | 'contextFilter'>): RuleTrees {
  return {
    language: filterLanguage,
    payload: payloadFilter === null ? null : readTreeOf(filterLanguage, payloadFilter),
    context: contextFilter === null ? null : readFilterTree(contextFilter),
  }
}

/** One test of a filter that is nothing but tests of paths. */
export interface PathTest {
  readonly path: number
  readonly test: FilterTest
  /** Where its operand stands; -1 for a test that is made of others. */
  readonly place: number
  readonly holds: ShapeTest
  /** Where the literal stands that the value must be equal to; -1 when the test is another one. */
  readonly literal: number
  /**
   * The nested filter that it stands in: of an array, a single element has to pass all tests of it. Undefined at a root, and
   * where arrays are looked through in another way.
   */
  readonly within: FilterNode | undefined
}

/** What rules have in common whose filters differ in their operands alone. */
export interface RuleShape {
  readonly id: number
  readonly key: string
  /** The trees of the first such rule: their operands say nothing. */
  readonly trees: RuleTrees
  readonly leaves: readonly LeafTest[]
  /** Where the account stands, and the source, among the operands; -1 for rules of all. */
  readonly accountAt: number
  readonly sourceAt: number
  /** The filters as tests of paths; valid for events whose paths lead through objects alone. Undefined: they are more. */
  readonly pathTests: readonly PathTest[] | undefined
  readonly holdsPayload: ShapeTest | undefined
  readonly holdsContext: ShapeTest | undefined
  readonly payloadRoot: number
  readonly steps: number
  holders: number
}

/** Bytes that a shape takes, about, and each of its tests. */
const SHAPE_BYTES = 1_000
const TEST_BYTES = 400

/**
 * The shapes of filters, with the paths and features that matchers look at. One may serve many matchers, so that what
 * is common to the filters of many environments is there once. Everything in it lives while a matcher holds it.
 */
export class RuleShapes {
  readonly paths = new PathTable()
  readonly features = new FeatureTable(this.paths)
  /** One event is matched at a time: what reads it is there once for all matchers. */
  readonly event = new EventReader(this.paths)
  readonly eventFeatures = new FeatureReader(this.features, this.event)
  /** What sieves of all matchers have code of. */
  readonly codes = new SieveCodes()
  readonly #byKey = new Map<string, RuleShape>()
  readonly #byId: (RuleShape | undefined)[] = []
  readonly #freeIds: number[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes + this.paths.bytes + this.features.bytes + this.codes.bytes
  }

  get(id: number): RuleShape {
    return this.#byId[id] as RuleShape
  }

  /** Holds the shape of these trees. Throws, without holding it, when a filter was never valid. */
  hold(trees: RuleTrees, bonds: RuleBonds): RuleShape {
    const key = `${bonds.hasAccount ? 'a' : ''}${bonds.hasSource ? 's' : ''}${describeRule(trees)}`
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      known.holders += 1
      return known
    }
    // Taken from the free ones only when nothing can throw any more.
    const id = this.#freeIds.at(-1) ?? this.#byId.length
    const shape = this.#make(trees, bonds, { id, key })
    this.#freeIds.pop()
    this.#byId[id] = shape
    this.#byKey.set(key, shape)
    this.#bytes += bytesOf(shape)
    return shape
  }

  release(shape: RuleShape): void {
    shape.holders -= 1
    if (shape.holders > 0) return
    this.#byKey.delete(shape.key)
    this.#byId[shape.id] = undefined
    this.#freeIds.push(shape.id)
    this.#bytes -= bytesOf(shape)
    for (const { path } of shape.pathTests ?? []) this.paths.release(path)
  }

  #make(trees: RuleTrees, bonds: RuleBonds, { id, key }: { id: number; key: string }): RuleShape {
    const { payload, context } = trees
    const leaves = [payload, context].flatMap((tree) => (tree === null ? [] : listOperandTests(tree)))
    const places: OperandPlaces = new Map(leaves.map((leaf, index) => [leaf, index]))
    const payloadRoot = payloadRootOf(trees.language)
    const holdsPayload = payload === null ? undefined : compileShape(payload, places)
    const holdsContext = context === null ? undefined : compileShape(context, places)
    const wanted: WantedTest[] = []
    const isFlat =
      (payload === null || flatten(payload, { keys: [payloadRoot], within: undefined }, wanted)) &&
      (context === null || flatten(context, { keys: [CONTEXT_ROOT], within: undefined }, wanted))
    return {
      id,
      key,
      trees,
      leaves,
      accountAt: bonds.hasAccount ? leaves.length : -1,
      sourceAt: bonds.hasSource ? leaves.length + Number(bonds.hasAccount) : -1,
      pathTests: isFlat ? wanted.map((test) => this.#toPathTest(test, places)) : undefined,
      holdsPayload,
      holdsContext,
      payloadRoot,
      steps:
        (payload === null ? 0 : countSteps(payload.conditions)) +
        (context === null ? 0 : countSteps(context.conditions)),
      holders: 1,
    }
  }

  #toPathTest({ keys, test, within }: WantedTest, places: OperandPlaces): PathTest {
    const [root, ...properties] = keys as [number, ...string[]]
    let path = root
    const held: number[] = []
    for (const key of properties) {
      path = root === ENVELOPE_ROOT && path === root && key === 'detail' ? PAYLOAD_ROOT : this.paths.hold(path, key)
      held.push(path)
    }
    // The last is held by the shape, the others by those below them.
    for (const each of held.slice(0, -1)) if (each !== PAYLOAD_ROOT) this.paths.release(each)
    if (path === PAYLOAD_ROOT || properties.length === 0) this.paths.holdAgain(path)
    const isLiteral = test.operator === 'oneOf' && test.operand.length === 1
    const place = places.get(test) ?? -1
    return { path, test, place, holds: compileShapeTest(test, places), literal: isLiteral ? place : -1, within }
  }
}

/** The root of what a payload filter of a language sees. */
export function payloadRootOf(language: FilterLanguage): number {
  return language === 'eventbridge' ? ENVELOPE_ROOT : PAYLOAD_ROOT
}

/** The operands of a rule's filters, prepared, in the order of its shape. */
export function listOperands(trees: RuleTrees): unknown[] {
  const { payload, context } = trees
  const operands = payload === null ? [] : listOperandTests(payload).map(prepareOperand)
  if (context !== null) for (const test of listOperandTests(context)) operands.push(prepareOperand(test))
  return operands
}

/** The trees of a rule again, from its shape and its operands. */
export function restoreTrees(shape: RuleShape, operands: readonly unknown[]): RuleTrees {
  const restored = new Map<FilterTest, FilterTest>(
    shape.leaves.map((leaf, index) => [leaf, restoreTest(leaf, operands[index])]),
  )
  const { language, payload, context } = shape.trees
  return {
    language,
    payload: payload && restoreNode(payload, restored),
    context: context && restoreNode(context, restored),
  }
}

type Restored = ReadonlyMap<FilterTest, FilterTest>

function restoreNode(node: FilterNode, restored: Restored): FilterNode {
  return { conditions: node.conditions.map((condition) => restoreCondition(condition, restored)) }
}

function restoreCondition(condition: FilterCondition, restored: Restored): FilterCondition {
  switch (condition.kind) {
    case 'or':
    case 'and':
    case 'nor':
      return { ...condition, nodes: condition.nodes.map((node) => restoreNode(node, restored)) }
    case 'value':
      return { ...condition, test: restoreOne(condition.test, restored) }
    case 'property':
      return { ...condition, tests: condition.tests.map((test) => restoreOne(test, restored)) }
    case 'nested':
      return { ...condition, node: restoreNode(condition.node, restored) }
  }
}

function restoreOne(test: FilterTest, restored: Restored): FilterTest {
  const leaf = restored.get(test)
  if (leaf !== undefined) return leaf
  return {
    ...test,
    operand: (test.operand as readonly FilterTest[]).map((each) => restoreOne(each, restored)),
  } as FilterTest
}

/** Where tests of paths stand. */
interface Standing {
  keys: readonly (number | string)[]
  within: FilterNode | undefined
}

interface WantedTest extends Standing {
  test: FilterTest
}

/** Gathers the tests of a filter that has no alternatives. False when it is more than tests of paths. */
function flatten(node: FilterNode, at: Standing, wanted: WantedTest[]): boolean {
  const { keys, within } = at
  return node.conditions.every((condition) => {
    switch (condition.kind) {
      case 'and':
        return condition.nodes.every((each) => flatten(each, at, wanted))
      case 'property': {
        for (const test of condition.tests) wanted.push({ keys: [...keys, condition.key], within, test })
        // Below another key it asks at least that there is an object to have it, which no test says.
        return condition.tests.length > 0 || keys.length === 1
      }
      case 'nested': {
        if (condition.node.conditions.length === 0) return keys.length === 1
        // As with a property that is not tested: what wants nothing all the same wants an object.
        const before = wanted.length
        const below = {
          keys: [...keys, condition.key],
          within: condition.elements === 'own' ? condition.node : undefined,
        }
        return flatten(condition.node, below, wanted) && wanted.length > before
      }
      default:
        return false
    }
  })
}

/** Texts that two rules share when they differ in operands alone. NUL stands in no key of a stored filter. */
function describeRule({ language, payload, context }: RuleTrees): string {
  return [language, payload, context].map((part) => describePart(part)).join('\0\0')
}

function describePart(part: FilterNode | string | null): string {
  if (part === null) return ''
  return typeof part === 'string' ? part : `${countSteps(part.conditions)}${describeNode(part)}`
}

function describeNode(node: FilterNode): string {
  let text = '{'
  for (const condition of node.conditions) text += describeCondition(condition)
  return `${text}\0}`
}

function describeCondition(condition: FilterCondition): string {
  switch (condition.kind) {
    case 'or':
    case 'and':
    case 'nor':
      return `\0${condition.at}${condition.nodes.map(describeNode).join('')}`
    case 'value':
      return `\0=${describeTest(condition.test)}${condition.at}`
    case 'property':
      return `\0.${condition.key}\0${condition.tests.map(describeTest).join('')}`
    case 'nested':
      return `\0${condition.elements}${condition.key}\0${describeNode(condition.node)}`
  }
}

function describeTest(test: FilterTest): string {
  switch (test.operator) {
    case '$length':
    case 'someOf':
    case 'allOf':
    case 'noneOf':
      return `\0${test.at}\0${test.operator}(${test.operand.map(describeTest).join('')}\0)`
    case 'oneOf':
      return `\0${test.at}\0${test.operand.length === 1 ? 'oneOf' : 'oneOfMany'}`
    case '$exists':
      return `\0${test.at}\0$exists${test.operand}`
    default:
      return `\0${test.at}\0${test.operator}`
  }
}

function bytesOf({ leaves, key }: RuleShape): number {
  return SHAPE_BYTES + leaves.length * TEST_BYTES + key.length
}
