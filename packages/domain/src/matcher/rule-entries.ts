import { equalsJson } from '../filter/equals-json.js'
import { restoreTest } from '../filter/leaf-test.js'
import type { Json } from '../json.js'
import type { Route } from './bucket-directory.js'
import { hashScalar, hashWholeText, mixHashes } from './hash.js'
import type { RuleShape } from './rule-shapes.js'
import type { RangePlace } from './bucket.js'

/** An entry: its shape, the first of its nodes, the first of its rules, the event that it was last tried on, its route. */
const STRIDE = 5
const SHAPE = 0
const FIRST_NODE = 1
const FIRST_RULE = 2
const STAMP = 3
const ROUTE = 4

const START_CAPACITY = 16

/** Bytes of an entry's array of operands, and of each operand in it. */
const OPERANDS_BYTES = 48
const OPERAND_BYTES = 8
const RANGE_PLACE_BYTES = 120

/** What identical rules have in common: where they stand, and what their filters ask for. */
export interface EntryContent {
  route: Route
  shape: RuleShape
  /** Those of the filters, and behind them account and source when there are such. */
  operands: readonly unknown[]
}

/** The filters of a matcher: each once, however many rules have it. Numbered, in typed arrays. */
export class RuleEntries {
  /** Of free entries undefined. */
  readonly operands: (readonly unknown[] | undefined)[] = []
  readonly ranges = new Map<number, RangePlace[]>()
  #fields = new Int32Array(START_CAPACITY * STRIDE)
  #free: number[] = []
  #live = 0
  #operandBytes = 0
  #epoch = 0

  /** One more than the largest number of an entry. */
  get size(): number {
    return this.operands.length
  }

  get bytes(): number {
    return (
      this.#fields.byteLength + this.#operandBytes + this.#live * OPERAND_BYTES + this.ranges.size * RANGE_PLACE_BYTES
    )
  }

  take({ route, shape, operands }: EntryContent): number {
    const entry = this.#free.pop() ?? this.operands.length
    if ((entry + 1) * STRIDE > this.#fields.length) {
      const fields = new Int32Array(Math.ceil((this.#fields.length * 1.5) / STRIDE) * STRIDE)
      fields.set(this.#fields)
      this.#fields = fields
    }
    const at = entry * STRIDE
    this.#fields[at + SHAPE] = shape.id
    this.#fields[at + FIRST_NODE] = 0
    this.#fields[at + FIRST_RULE] = -1
    this.#fields[at + STAMP] = 0
    this.#fields[at + ROUTE] = route.id
    // A copy has room for what is in it; an array that was pushed to has room for 17.
    this.operands[entry] = operands.slice()
    this.#operandBytes += measureOperands(operands)
    this.#live += 1
    return entry
  }

  free(entry: number): void {
    this.#operandBytes -= measureOperands(this.operands[entry] ?? [])
    this.operands[entry] = undefined
    this.#free.push(entry)
    this.#live -= 1
    if (this.#live > 0) return
    this.operands.length = 0
    this.#free = []
    this.#fields = new Int32Array(START_CAPACITY * STRIDE)
  }

  shapeOf(entry: number): number {
    return this.#fields[entry * STRIDE + SHAPE] as number
  }

  routeOf(entry: number): number {
    return this.#fields[entry * STRIDE + ROUTE] as number
  }

  firstNodeOf(entry: number): number {
    return this.#fields[entry * STRIDE + FIRST_NODE] as number
  }

  setFirstNode(entry: number, node: number): void {
    this.#fields[entry * STRIDE + FIRST_NODE] = node
  }

  firstRuleOf(entry: number): number {
    return this.#fields[entry * STRIDE + FIRST_RULE] as number
  }

  setFirstRule(entry: number, rule: number): void {
    this.#fields[entry * STRIDE + FIRST_RULE] = rule
  }

  /** Begins a new event: no entry has been tried on it. */
  beginEvent(): void {
    this.#epoch += 1
    if (this.#epoch < 0x7fffffff) return
    for (let entry = 0; entry < this.size; entry += 1) this.#fields[entry * STRIDE + STAMP] = 0
    this.#epoch = 1
  }

  /** True the first time that it is asked about an entry for one event. */
  isFirstTry(entry: number): boolean {
    const at = entry * STRIDE + STAMP
    if (this.#fields[at] === this.#epoch) return false
    this.#fields[at] = this.#epoch
    return true
  }

  hasContent(entry: number, { route, shape, operands }: EntryContent): boolean {
    if (this.shapeOf(entry) !== shape.id || this.routeOf(entry) !== route.id) return false
    const own = this.operands[entry] as readonly unknown[]
    return operands.every((operand, index) => isSameOperand(shape, index, { own: own[index], operand }))
  }
}

/** A hash that is equal for entries of equal content. */
export function hashContent({ route, shape, operands }: EntryContent): number {
  // All of an operand counts: filters that differ in anything must not stand in one chain.
  return operands.reduce<number>(
    (hash, operand, index) => {
      const leaf = shape.leaves[index]
      // Behind those of the leaves stand account and source.
      const written = leaf === undefined ? operand : restoreTest(leaf, operand).operand
      return mixHashes(hash, hashJson(written as Json))
    },
    mixHashes(route.id, shape.id),
  )
}

/** Equal for JSON that is equal: the order of an object's keys does not count. */
function hashJson(json: Json): number {
  if (typeof json === 'string') return hashWholeText(json)
  if (typeof json !== 'object' || json === null) return hashScalar(json)
  if (Array.isArray(json)) return json.reduce((hash: number, each) => mixHashes(hash, hashJson(each)), json.length)
  let sum = 7
  for (const [key, value] of Object.entries(json)) sum = (sum + mixHashes(hashWholeText(key), hashJson(value))) | 0
  return sum
}

function isSameOperand(shape: RuleShape, index: number, { own, operand }: { own: unknown; operand: unknown }): boolean {
  if (own === operand) return true
  if (typeof own !== 'object' || typeof operand !== 'object') return false
  const leaf = shape.leaves[index]
  if (leaf === undefined) return false
  return equalsJson(restoreTest(leaf, own).operand as Json, restoreTest(leaf, operand).operand as Json)
}

function measureOperands(operands: readonly unknown[]): number {
  let bytes = OPERANDS_BYTES + operands.length * OPERAND_BYTES
  for (const operand of operands) bytes += measureOperand(operand)
  return bytes
}

/** Bytes of what an operand points to, about. */
function measureOperand(operand: unknown): number {
  switch (typeof operand) {
    case 'string':
      return 24 + operand.length
    case 'number':
      return Number.isInteger(operand) ? 0 : 16
    case 'function':
      return 200
    case 'object': {
      if (operand === null) return 0
      if (Array.isArray(operand)) return measureOperands(operand)
      let bytes = 56
      for (const value of Object.values(operand)) bytes += OPERAND_BYTES + measureOperand(value)
      return bytes
    }
    default:
      return 0
  }
}
