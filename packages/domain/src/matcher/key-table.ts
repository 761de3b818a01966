import { FREE } from './key-slots.js'
import { SpreadSlots } from './spread-slots.js'

/** A node: its entry, the next and the previous of its chain, its signature, the next of its entry, its key. */
const STRIDE = 6
const ENTRY = 0
const NEXT = 1
const PREVIOUS = 2
const SIGNATURE = 3
const NEXT_OF_ENTRY = 4
const KEY = 5

/** No node: nodes are numbered from 1. */
export const NO_NODE: number = FREE

const START_CAPACITY = 16

/** From this length on an array grows in smaller steps. */
const LARGE_LENGTH = 1_000_000

/** The signature of nodes by which something is found whose content is equal. */
export const CONTENT = -1

/** Keys that are looked up together, each for somebody; and the first nodes that are found. */
export interface Lookups {
  readonly keys: Int32Array
  readonly askers: Int32Array
  readonly heads: Int32Array
}

/**
 * Chains of nodes by 32-bit keys, all in typed arrays. Chains are linked both ways, so that a node is taken out without
 * looking for it. A key stands for what was hashed to it; what was hashed to the same key by chance shares its chain.
 */
export class KeyTable {
  readonly #keys = new SpreadSlots()
  /** What is known by its content is looked up only when filters change: events look into less memory without it. */
  readonly #contents = new SpreadSlots()
  #nodes = new Int32Array(START_CAPACITY * STRIDE)
  #nodesUsed = 1
  #nodesFree: number = NO_NODE
  #nodesLive = 0

  get bytes(): number {
    return this.#keys.bytes + this.#contents.bytes + this.#nodes.byteLength
  }

  /** The first node of a key's chain, or {@link NO_NODE}. */
  find(key: number): number {
    return this.#keys.find(key)
  }

  /** The first node of a chain of contents, or {@link NO_NODE}. */
  findContent(hash: number): number {
    return this.#contents.find(hash)
  }

  /**
   * Finds the first nodes of so many keys, and moves what is found of keys and askers to the front, in its order; tells how much that
   * is. Each step is taken for all keys before the next one, so that the waits for memory fall together.
   */
  findAll(count: number, { keys, askers, heads }: Lookups): number {
    let kept = 0
    for (let index = 0; index < count; index += 1) {
      const key = keys[index] as number
      keys[kept] = key
      askers[kept] = askers[index] as number
      kept += this.#keys.mayHave(key)
    }
    // Summed up, because what nobody uses is not even asked for.
    let sum = 0
    for (let index = 0; index < kept; index += 1) sum ^= this.#keys.peek(keys[index] as number)
    for (let index = 0; index < kept; index += 1) heads[index] = this.#keys.find(keys[index] as number)
    for (let index = 0; index < kept; index += 1) sum ^= this.entryOf(heads[index] as number)
    // No node has this place.
    this.#nodes[NO_NODE] = sum
    return kept
  }

  next(node: number): number {
    return this.#nodes[node * STRIDE + NEXT] as number
  }

  entryOf(node: number): number {
    return this.#nodes[node * STRIDE + ENTRY] as number
  }

  signatureOf(node: number): number {
    return this.#nodes[node * STRIDE + SIGNATURE] as number
  }

  /** The next node of the same entry. */
  nextOfEntry(node: number): number {
    return this.#nodes[node * STRIDE + NEXT_OF_ENTRY] as number
  }

  setNextOfEntry(node: number, next: number): void {
    this.#nodes[node * STRIDE + NEXT_OF_ENTRY] = next
  }

  /** How many nodes of a signature a key has, counted up to a limit. */
  countChain(key: number, signature: number, max: number): number {
    let count = 0
    for (let node = this.find(key); node !== NO_NODE && count < max; node = this.next(node)) {
      if (this.signatureOf(node) === signature) count += 1
    }
    return count
  }

  /** Puts a node at the head of a key's chain. */
  add(key: number, entry: number, signature: number): number {
    const node = this.#takeNode()
    const head = this.#slotsOf(signature).replace(key, node)
    const nodes = this.#nodes
    const at = node * STRIDE
    nodes[at + ENTRY] = entry
    nodes[at + NEXT] = head
    nodes[at + PREVIOUS] = NO_NODE
    nodes[at + SIGNATURE] = signature
    nodes[at + NEXT_OF_ENTRY] = NO_NODE
    nodes[at + KEY] = key
    if (head !== NO_NODE) nodes[head * STRIDE + PREVIOUS] = node
    return node
  }

  remove(node: number): void {
    const nodes = this.#nodes
    const at = node * STRIDE
    const next = nodes[at + NEXT] as number
    const previous = nodes[at + PREVIOUS] as number
    if (next !== NO_NODE) nodes[next * STRIDE + PREVIOUS] = previous
    if (previous !== NO_NODE) nodes[previous * STRIDE + NEXT] = next
    else {
      const slots = this.#slotsOf(nodes[at + SIGNATURE] as number)
      if (next === NO_NODE) slots.remove(nodes[at + KEY] as number)
      else slots.replace(nodes[at + KEY] as number, next)
    }
    nodes[at + NEXT] = this.#nodesFree
    this.#nodesFree = node
    this.#nodesLive -= 1
    if (this.#nodesLive === 0) this.#reset()
  }

  #takeNode(): number {
    this.#nodesLive += 1
    const free = this.#nodesFree
    if (free !== NO_NODE) {
      this.#nodesFree = this.#nodes[free * STRIDE + NEXT] as number
      return free
    }
    const node = this.#nodesUsed
    this.#nodesUsed += 1
    if (this.#nodesUsed * STRIDE > this.#nodes.length) {
      const nodes = new Int32Array(growTo(this.#nodes.length))
      nodes.set(this.#nodes)
      this.#nodes = nodes
    }
    return node
  }

  #slotsOf(signature: number): SpreadSlots {
    return signature === CONTENT ? this.#contents : this.#keys
  }

  #reset(): void {
    this.#nodes = new Int32Array(START_CAPACITY * STRIDE)
    this.#nodesUsed = 1
    this.#nodesFree = NO_NODE
  }
}

/** A part more: what is large is copied seldom, and little of it stands empty. */
function growTo(length: number): number {
  return Math.ceil((length * (length < LARGE_LENGTH ? 1.5 : 1.25)) / STRIDE) * STRIDE
}
