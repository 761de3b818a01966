import { FREE, KeySlots } from './key-slots.js'

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

/** Keys from which on they are spread over many tables: growing one of them is a pause that nobody notices. */
const SPREAD_MIN = 32_768

/** Keys below which one table is enough again. */
const GATHERED_MAX = 4_096

/** Bits of a key that say which table it stands in. */
const SPREAD_BITS = 6

/**
 * Chains of nodes by 32-bit keys, all in typed arrays. Chains are linked both ways, so that a node is taken out without
 * looking for it. A key stands for what was hashed to it; what was hashed to the same key by chance shares its chain.
 */
export class KeyTable {
  #tables = [new KeySlots()]
  #keys = 0
  #nodes = new Int32Array(START_CAPACITY * STRIDE)
  #nodesUsed = 1
  #nodesFree: number = NO_NODE
  #nodesLive = 0

  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, this.#nodes.byteLength)
  }

  /** The first node of a key's chain, or {@link NO_NODE}. */
  find(key: number): number {
    const tables = this.#tables
    return (tables.length === 1 ? (tables[0] as KeySlots) : (tables[key >>> (32 - SPREAD_BITS)] as KeySlots)).find(key)
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
    const head = this.#tableOf(key).replace(key, node)
    const nodes = this.#nodes
    const at = node * STRIDE
    nodes[at + ENTRY] = entry
    nodes[at + NEXT] = head
    nodes[at + PREVIOUS] = NO_NODE
    nodes[at + SIGNATURE] = signature
    nodes[at + NEXT_OF_ENTRY] = NO_NODE
    nodes[at + KEY] = key
    if (head !== NO_NODE) {
      nodes[head * STRIDE + PREVIOUS] = node
      return node
    }
    this.#keys += 1
    if (this.#keys === SPREAD_MIN && this.#tables.length === 1) this.#spread(2 ** SPREAD_BITS)
    return node
  }

  remove(node: number): void {
    const nodes = this.#nodes
    const at = node * STRIDE
    const next = nodes[at + NEXT] as number
    const previous = nodes[at + PREVIOUS] as number
    if (next !== NO_NODE) nodes[next * STRIDE + PREVIOUS] = previous
    if (previous !== NO_NODE) nodes[previous * STRIDE + NEXT] = next
    else if (next !== NO_NODE) this.#tableOf(nodes[at + KEY] as number).replace(nodes[at + KEY] as number, next)
    else this.#removeKey(nodes[at + KEY] as number)
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

  #removeKey(key: number): void {
    this.#tableOf(key).remove(key)
    this.#keys -= 1
    if (this.#keys < GATHERED_MAX && this.#tables.length > 1) this.#spread(1)
  }

  #tableOf(key: number): KeySlots {
    return this.#tables[this.#tables.length === 1 ? 0 : key >>> (32 - SPREAD_BITS)] as KeySlots
  }

  #spread(count: number): void {
    const old = this.#tables
    this.#tables = Array.from({ length: count }, () => new KeySlots())
    for (const table of old) table.forEach((key, head) => void this.#tableOf(key).replace(key, head))
  }

  #reset(): void {
    this.#tables = [new KeySlots()]
    this.#keys = 0
    this.#nodes = new Int32Array(START_CAPACITY * STRIDE)
    this.#nodesUsed = 1
    this.#nodesFree = NO_NODE
  }
}

/** A part more: what is large is copied seldom, and little of it stands empty. */
function growTo(length: number): number {
  return Math.ceil((length * (length < LARGE_LENGTH ? 1.5 : 1.25)) / STRIDE) * STRIDE
}
