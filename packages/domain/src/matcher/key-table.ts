/** A node: its entry, the next and the previous of its chain, its signature, the next of its entry, its key. */
const STRIDE = 6
const ENTRY = 0
const NEXT = 1
const PREVIOUS = 2
const SIGNATURE = 3
const NEXT_OF_ENTRY = 4
const KEY = 5

/** No node: nodes are numbered from 1. */
export const NO_NODE = 0

const START_CAPACITY = 16

/** Bits for each slot that tell, from memory that is near, that a key is not there. */
const BITS_PER_SLOT = 8

/**
 * Chains of nodes by 32-bit keys: a hash table with open addressing over typed arrays, its chains linked both ways, so
 * that a node is taken out without looking for it. A key stands for what was hashed to it; what was hashed to the same
 * key by chance shares its chain.
 */
export class KeyTable {
  /** Key and head side by side; a head of 0 is a free slot. */
  #slots = new Int32Array(START_CAPACITY * 2)
  #bits = new Uint32Array((START_CAPACITY * BITS_PER_SLOT) / 32)
  #mask = START_CAPACITY - 1
  #keys = 0
  /** Keys that went since the bits were made: theirs are still set. */
  #keysGone = 0
  #nodes = new Int32Array(START_CAPACITY * STRIDE)
  #nodesUsed = 1
  #nodesFree: number = NO_NODE
  #nodesLive = 0

  get size(): number {
    return this.#nodesLive
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#bits.byteLength + this.#nodes.byteLength
  }

  /** The first node of a key's chain, or {@link NO_NODE}. */
  find(key: number): number {
    const bit = key & (this.#mask * BITS_PER_SLOT + BITS_PER_SLOT - 1)
    if ((((this.#bits[bit >>> 5] as number) >>> (bit & 31)) & 1) === 0) return NO_NODE
    const slots = this.#slots
    const mask = this.#mask
    for (let slot = slotOf(key, mask); ; slot = (slot + 1) & mask) {
      const head = slots[slot * 2 + 1] as number
      if (head === NO_NODE || slots[slot * 2] === key) return head
    }
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
    const slot = this.#findSlot(key)
    const head = this.#slots[slot * 2 + 1] as number
    const nodes = this.#nodes
    const at = node * STRIDE
    nodes[at + ENTRY] = entry
    nodes[at + NEXT] = head
    nodes[at + PREVIOUS] = NO_NODE
    nodes[at + SIGNATURE] = signature
    nodes[at + NEXT_OF_ENTRY] = NO_NODE
    nodes[at + KEY] = key
    this.#slots[slot * 2] = key
    this.#slots[slot * 2 + 1] = node
    if (head !== NO_NODE) {
      nodes[head * STRIDE + PREVIOUS] = node
      return node
    }
    this.#keys += 1
    this.#setBit(key)
    if (this.#keys * 2 > this.#mask + 1) this.#resize((this.#mask + 1) * 2)
    return node
  }

  remove(node: number): void {
    const nodes = this.#nodes
    const at = node * STRIDE
    const next = nodes[at + NEXT] as number
    const previous = nodes[at + PREVIOUS] as number
    if (next !== NO_NODE) nodes[next * STRIDE + PREVIOUS] = previous
    if (previous !== NO_NODE) nodes[previous * STRIDE + NEXT] = next
    else this.#setHead(nodes[at + KEY] as number, next)
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

  #findSlot(key: number): number {
    let slot = slotOf(key, this.#mask)
    while (this.#slots[slot * 2 + 1] !== NO_NODE && this.#slots[slot * 2] !== key) slot = (slot + 1) & this.#mask
    return slot
  }

  #setHead(key: number, head: number): void {
    const slot = this.#findSlot(key)
    this.#slots[slot * 2 + 1] = head
    if (head !== NO_NODE) return
    this.#keys -= 1
    this.#closeGap(slot)
    const capacity = this.#mask + 1
    this.#keysGone += 1
    if (capacity > START_CAPACITY && this.#keys * 8 < capacity) this.#resize(capacity / 2)
    else if (this.#keysGone > capacity) this.#resize(capacity)
  }

  /** Moves what stands behind a free slot up, so that no search ends too early. */
  #closeGap(free: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let gap = free
    for (let slot = (gap + 1) & mask; slots[slot * 2 + 1] !== NO_NODE; slot = (slot + 1) & mask) {
      const wanted = slotOf(slots[slot * 2] as number, mask)
      if (((slot - wanted) & mask) < ((slot - gap) & mask)) continue
      slots[gap * 2] = slots[slot * 2] as number
      slots[gap * 2 + 1] = slots[slot * 2 + 1] as number
      slots[slot * 2 + 1] = NO_NODE
      gap = slot
    }
  }

  #resize(capacity: number): void {
    const old = this.#slots
    this.#slots = new Int32Array(capacity * 2)
    this.#bits = new Uint32Array((capacity * BITS_PER_SLOT) / 32)
    this.#mask = capacity - 1
    this.#keysGone = 0
    for (let index = 0; index < old.length; index += 2) {
      const head = old[index + 1] as number
      if (head === NO_NODE) continue
      const key = old[index] as number
      const slot = this.#findSlot(key)
      this.#slots[slot * 2] = key
      this.#slots[slot * 2 + 1] = head
      this.#setBit(key)
    }
  }

  #setBit(key: number): void {
    const bit = key & (this.#mask * BITS_PER_SLOT + BITS_PER_SLOT - 1)
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31))
  }

  #reset(): void {
    this.#slots = new Int32Array(START_CAPACITY * 2)
    this.#bits = new Uint32Array((START_CAPACITY * BITS_PER_SLOT) / 32)
    this.#mask = START_CAPACITY - 1
    this.#keys = 0
    this.#keysGone = 0
    this.#nodes = new Int32Array(START_CAPACITY * STRIDE)
    this.#nodesUsed = 1
    this.#nodesFree = NO_NODE
  }
}

/** The bits of a key that the near bits do not use first. */
function slotOf(key: number, mask: number): number {
  return ((key >>> 9) ^ key) & mask
}

/** Half as much again: what is large is copied seldom, and little of it stands empty. */
function growTo(length: number): number {
  return Math.ceil((length * 1.5) / STRIDE) * STRIDE
}
