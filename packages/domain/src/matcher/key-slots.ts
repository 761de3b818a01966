/** Bits for each slot that tell, from memory that is near, that a key is not there. */
const BITS_PER_SLOT = 16

/** A head that stands for a free slot. */
export const FREE = 0

const START_CAPACITY = 16

/** How full a table gets: searches for what is not there end at the bits, so that they need no gaps. */
const FULL = 0.75

/** Keys and the heads of their chains: a hash table with open addressing. */
export class KeySlots {
  /** Key and head side by side. */
  #slots = new Int32Array(START_CAPACITY * 2)
  #bits = new Uint32Array((START_CAPACITY * BITS_PER_SLOT) / 32)
  #mask = START_CAPACITY - 1
  #size = 0
  /** Keys that went since the bits were made: theirs are still set. */
  #gone = 0

  get bytes(): number {
    return this.#slots.byteLength + this.#bits.byteLength
  }

  /** 1 when a key may be there, 0 when it is not. */
  mayHave(key: number): number {
    const bit = key & (this.#mask * BITS_PER_SLOT + BITS_PER_SLOT - 1)
    return ((this.#bits[bit >>> 5] as number) >>> (bit & 31)) & 1
  }

  /** What stands where a key does, if it is there: for asking for memory ahead. */
  peek(key: number): number {
    return this.#slots[slotOf(key, this.#mask) * 2] as number
  }

  /** The head of a key's chain, or {@link FREE}. */
  find(key: number): number {
    if (this.mayHave(key) === 0) return FREE
    const slots = this.#slots
    const mask = this.#mask
    for (let slot = slotOf(key, mask); ; slot = (slot + 1) & mask) {
      const head = slots[slot * 2 + 1] as number
      if (head === FREE || slots[slot * 2] === key) return head
    }
  }

  /** Puts a head in the place of the one that a key has, if any; gives that. */
  replace(key: number, head: number): number {
    const slot = this.#findSlot(key)
    const previous = this.#slots[slot * 2 + 1] as number
    this.#slots[slot * 2] = key
    this.#slots[slot * 2 + 1] = head
    if (previous !== FREE) return previous
    this.#size += 1
    this.#setBit(key)
    if (this.#size > (this.#mask + 1) * FULL) this.#resize((this.#mask + 1) * 2)
    return previous
  }

  /** Forgets a key. */
  remove(key: number): void {
    const slot = this.#findSlot(key)
    this.#slots[slot * 2 + 1] = FREE
    this.#size -= 1
    this.#gone += 1
    this.#closeGap(slot)
    const capacity = this.#mask + 1
    if (capacity > START_CAPACITY && this.#size * 8 < capacity) this.#resize(capacity / 2)
    else if (this.#gone > capacity) this.#resize(capacity)
  }

  forEach(visit: (key: number, head: number) => void): void {
    for (let index = 0; index < this.#slots.length; index += 2) {
      const head = this.#slots[index + 1] as number
      if (head !== FREE) visit(this.#slots[index] as number, head)
    }
  }

  #findSlot(key: number): number {
    let slot = slotOf(key, this.#mask)
    while (this.#slots[slot * 2 + 1] !== FREE && this.#slots[slot * 2] !== key) slot = (slot + 1) & this.#mask
    return slot
  }

  /** Moves what stands behind a free slot up, so that no search ends too early. */
  #closeGap(free: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let gap = free
    for (let slot = (gap + 1) & mask; slots[slot * 2 + 1] !== FREE; slot = (slot + 1) & mask) {
      const wanted = slotOf(slots[slot * 2] as number, mask)
      if (((slot - wanted) & mask) < ((slot - gap) & mask)) continue
      slots[gap * 2] = slots[slot * 2] as number
      slots[gap * 2 + 1] = slots[slot * 2 + 1] as number
      slots[slot * 2 + 1] = FREE
      gap = slot
    }
  }

  #resize(capacity: number): void {
    const old = this.#slots
    this.#slots = new Int32Array(capacity * 2)
    this.#bits = new Uint32Array((capacity * BITS_PER_SLOT) / 32)
    this.#mask = capacity - 1
    this.#gone = 0
    for (let index = 0; index < old.length; index += 2) {
      const head = old[index + 1] as number
      if (head === FREE) continue
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
}

/** The bits of a key that the near bits do not use first. */
function slotOf(key: number, mask: number): number {
  return ((key >>> 9) ^ key) & mask
}
