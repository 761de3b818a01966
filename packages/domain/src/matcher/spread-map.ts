/** Entries from which on they are spread over many maps: growing one map with a million takes a tenth of a second. */
const SPREAD_MIN = 16_384

/** Entries below which one map is enough again. */
const GATHERED_MAX = 2_048

/** Maps, a power of two. */
const MAPS = 64

/** Numbers by text. */
export class SpreadMap {
  #maps = [new Map<string, number>()]
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): number | undefined {
    return this.#mapOf(key).get(key)
  }

  /** Sets the number of a key that has none. */
  add(key: string, value: number): void {
    this.#mapOf(key).set(key, value)
    this.#size += 1
    if (this.#size === SPREAD_MIN && this.#maps.length === 1) this.#spread(MAPS)
  }

  delete(key: string): void {
    if (this.#mapOf(key).delete(key)) this.#size -= 1
    if (this.#size < GATHERED_MAX && this.#maps.length > 1) this.#spread(1)
  }

  /** By the last characters: those of an id are drawn by chance. */
  #mapOf(key: string): Map<string, number> {
    const { length } = key
    const last = key.charCodeAt(length - 1) + key.charCodeAt(length - 2) * 7
    return this.#maps[last & (this.#maps.length - 1)] as Map<string, number>
  }

  #spread(count: number): void {
    const old = this.#maps
    this.#maps = Array.from({ length: count }, () => new Map<string, number>())
    for (const map of old) for (const [key, value] of map) this.#mapOf(key).set(key, value)
  }
}
