import { FREE, KeySlots } from './key-slots.js'

/** Keys from which on they are spread over many tables: growing one of them is a pause that nobody notices. */
const SPREAD_MIN = 32_768

/** Keys below which one table is enough again. */
const GATHERED_MAX = 4_096

/** Bits of a key that say which table it stands in. */
const SPREAD_BITS = 6

/** {@link KeySlots} for any number of keys. */
export class SpreadSlots {
  #tables = [new KeySlots()]
  #keys = 0

  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, 0)
  }

  /** 1 when a key may be there, 0 when it is not. */
  mayHave(key: number): number {
    return this.#tableOf(key).mayHave(key)
  }

  /** What stands where a key does, if it is there: for asking for memory ahead. */
  peek(key: number): number {
    return this.#tableOf(key).peek(key)
  }

  /** The head of a key's chain, or {@link FREE}. */
  find(key: number): number {
    return this.#tableOf(key).find(key)
  }

  /** Puts a head in the place of the one that a key has, if any; gives that. */
  replace(key: number, head: number): number {
    const previous = this.#tableOf(key).replace(key, head)
    if (previous !== FREE) return previous
    this.#keys += 1
    if (this.#keys === SPREAD_MIN && this.#tables.length === 1) this.#spread(2 ** SPREAD_BITS)
    return previous
  }

  /** Forgets a key. */
  remove(key: number): void {
    this.#tableOf(key).remove(key)
    this.#keys -= 1
    if (this.#keys === 0) this.#tables = [new KeySlots()]
    else if (this.#keys < GATHERED_MAX && this.#tables.length > 1) this.#spread(1)
  }

  #tableOf(key: number): KeySlots {
    return this.#tables[this.#tables.length === 1 ? 0 : key >>> (32 - SPREAD_BITS)] as KeySlots
  }

  #spread(count: number): void {
    const old = this.#tables
    this.#tables = Array.from({ length: count }, () => new KeySlots())
    for (const table of old) table.forEach((key, head) => void this.#tableOf(key).replace(key, head))
  }
}
