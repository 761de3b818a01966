import { Bucket, type IndexParts } from './bucket.js'
import { hashText } from './hash.js'

/** Where the rules with these event names stand. Lives as long as there are such rules. */
export interface Route {
  readonly id: number
  readonly eventNames: readonly string[]
  readonly buckets: readonly Bucket[]
  holders: number
}

const ROUTE_BYTES = 500

/** Finds the buckets of an event by its name: exact names, and names that end in `*` by their prefix. */
export class BucketDirectory {
  readonly #parts: IndexParts
  readonly #exact = new Map<string, Bucket>()
  readonly #prefixes = new Map<string, Bucket>()
  /** How many prefixes there are of each length. */
  readonly #prefixLengths = new Map<number, number>()
  readonly #routes = new Map<string, Route>()
  readonly #byId: (Route | undefined)[] = []
  readonly #freeIds: number[] = []

  constructor(parts: IndexParts) {
    this.#parts = parts
  }

  getRoute(id: number): Route {
    return this.#byId[id] as Route
  }

  /** Holds the route of a rule. */
  hold(eventNames: readonly string[]): Route {
    const names = eventNames.length === 1 ? eventNames : [...new Set(eventNames)].sort()
    const key = JSON.stringify(names)
    const known = this.#routes.get(key)
    if (known !== undefined) {
      known.holders += 1
      return known
    }
    const id = this.#freeIds.pop() ?? this.#byId.length
    const buckets = names.map((name) => this.#holdBucket(name))
    const route: Route = { id, eventNames: [...names], buckets, holders: 1 }
    this.#byId[id] = route
    this.#routes.set(key, route)
    this.#parts.memory.bytes += ROUTE_BYTES
    return route
  }

  release(route: Route): void {
    route.holders -= 1
    if (route.holders > 0) return
    this.#parts.memory.bytes -= ROUTE_BYTES
    this.#routes.delete(JSON.stringify(route.eventNames))
    this.#byId[route.id] = undefined
    this.#freeIds.push(route.id)
    for (const [index, name] of route.eventNames.entries()) {
      this.#dropBucket(name, route.buckets[index] as Bucket)
    }
    if (this.#routes.size === 0) {
      this.#byId.length = 0
      this.#freeIds.length = 0
    }
  }

  /** Every bucket that an event of this name is matched against. */
  forEachBucket(name: string, visit: (bucket: Bucket) => void): void {
    const exact = this.#exact.get(name)
    if (exact !== undefined) visit(exact)
    for (const length of this.#prefixLengths.keys()) {
      if (length > name.length) continue
      const covering = this.#prefixes.get(name.slice(0, length))
      if (covering !== undefined) visit(covering)
    }
  }

  /** Tells whether any bucket for this name has filters that look at payload or context. */
  readsBody(name: string): boolean {
    let reads = false
    this.forEachBucket(name, (bucket) => {
      reads ||= bucket.readingCount > 0
    })
    return reads
  }

  #holdBucket(entry: string): Bucket {
    const { table, name } = this.#find(entry)
    let bucket = table.get(name)
    if (bucket === undefined) {
      bucket = new Bucket(this.#parts, hashText(entry))
      table.set(name, bucket)
      if (table === this.#prefixes) this.#countPrefix(name.length, 1)
    }
    bucket.routeCount += 1
    return bucket
  }

  #dropBucket(entry: string, bucket: Bucket): void {
    bucket.routeCount -= 1
    if (bucket.routeCount > 0) return
    bucket.close()
    const { table, name } = this.#find(entry)
    table.delete(name)
    if (table === this.#prefixes) this.#countPrefix(name.length, -1)
  }

  #find(entry: string): { table: Map<string, Bucket>; name: string } {
    return entry.endsWith('*')
      ? { table: this.#prefixes, name: entry.slice(0, -1) }
      : { table: this.#exact, name: entry }
  }

  #countPrefix(length: number, change: number): void {
    const count = (this.#prefixLengths.get(length) ?? 0) + change
    if (count > 0) this.#prefixLengths.set(length, count)
    else this.#prefixLengths.delete(length)
  }
}
