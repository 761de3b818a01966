/** A map that holds at most so many entries; the one not used for longest goes first. */
export interface LruMap<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  readonly size: number
}

/** Creates a bounded map. */
export function createLruMap<Value>(entriesMax: number): LruMap<Value> {
  // A Map keeps the order of insertion, so its first key is the least recently used one.
  const entries = new Map<string, Value>()
  let newest: string | undefined
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined || key === newest) return value
      entries.delete(key)
      entries.set(key, value)
      newest = key
      return value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      newest = key
      if (entries.size <= entriesMax) return
      const oldest = entries.keys().next()
      if (!oldest.done) entries.delete(oldest.value)
    },
    delete(key) {
      entries.delete(key)
      if (newest === key) newest = undefined
    },
    get size() {
      return entries.size
    },
  }
}
