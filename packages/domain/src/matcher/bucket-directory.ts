import { Bucket, type IndexParts } from './bucket.js'
import { BucketGroup } from './bucket-group.js'
import { hashText } from './hash.js'

/** Where the rules with these event names stand. Lives as long as there are such rules. */
export interface Route {
  readonly id: number
  readonly eventNames: readonly string[]
  readonly buckets: readonly Bucket[]
  holders: number
}

const ROUTE_BYTES = 500

/** Names of events whose buckets are remembered. */
const NAMES_MAX = 512

/** Bytes of a remembered name, about. */
const NAME_BYTES = 160

/** Finds the buckets of an event by its name: exact names, and names that end in `*` by their prefix. */
export class BucketDirectory {
  readonly #parts: IndexParts
  readonly #exact = new Map<string, Bucket>()
  readonly #prefixes = new Map<string, Bucket>()
  /** How many prefixes there are of each length. */
  readonly #prefixLengths = new Map<number, number>()
  /** The buckets of names that events had, and those of names without a bucket of their own, by the longest prefix. */
  readonly #groups = new Map<string, BucketGroup>()
  readonly #prefixGroups = new Map<Bucket, BucketGroup>()
  readonly #empty: BucketGroup
  readonly #routes = new Map<string, Route>()
  readonly #byId: (Route | undefined)[] = []
  readonly #freeIds: number[] = []

  constructor(parts: IndexParts) {
    this.#parts = parts
    this.#empty = new BucketGroup(parts, [])
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
  findGroup(name: string): BucketGroup {
    return this.#groups.get(name) ?? this.#makeGroup(name)
  }

  /** Tells whether any bucket for this name has filters that look at payload or context. */
  readsBody(name: string): boolean {
    return this.findGroup(name).readsBody
  }

  #makeGroup(name: string): BucketGroup {
    const prefixes: Bucket[] = []
    for (const length of [...this.#prefixLengths.keys()].toSorted((a, b) => a - b)) {
      const covering = length > name.length ? undefined : this.#prefixes.get(name.slice(0, length))
      if (covering !== undefined) prefixes.push(covering)
    }
    const exact = this.#exact.get(name)
    const group =
      exact === undefined ? this.#findPrefixGroup(prefixes) : new BucketGroup(this.#parts, [exact, ...prefixes])
    // Without prefixes a name that nobody asks for is known by one look.
    if (exact === undefined && this.#prefixes.size === 0) return group
    if (this.#groups.size >= NAMES_MAX) for (const known of this.#groups.keys()) this.#forgetName(known)
    this.#groups.set(name, group)
    this.#parts.memory.bytes += NAME_BYTES
    return group
  }

  /** The group of all names that have no bucket of their own, and this prefix as their longest. */
  #findPrefixGroup(prefixes: readonly Bucket[]): BucketGroup {
    const longest = prefixes.at(-1)
    if (longest === undefined) return this.#empty
    const known = this.#prefixGroups.get(longest)
    if (known !== undefined) return known
    const group = new BucketGroup(this.#parts, prefixes)
    this.#prefixGroups.set(longest, group)
    return group
  }

  #forgetName(name: string): void {
    const group = this.#groups.get(name)
    if (group === undefined) return
    this.#groups.delete(name)
    this.#parts.memory.bytes -= NAME_BYTES
    group.drop()
  }

  /** Forgets what was known of the buckets of names when one came or went. */
  #forgetGroups(table: Map<string, Bucket>, name: string): void {
    if (table === this.#exact) {
      this.#forgetName(name)
      return
    }
    for (const known of this.#groups.keys()) this.#forgetName(known)
    for (const group of this.#prefixGroups.values()) group.drop()
    this.#prefixGroups.clear()
  }

  #holdBucket(entry: string): Bucket {
    const { table, name } = this.#find(entry)
    let bucket = table.get(name)
    if (bucket === undefined) {
      bucket = new Bucket(this.#parts, hashText(entry))
      table.set(name, bucket)
      this.#forgetGroups(table, name)
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
    this.#forgetGroups(table, name)
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
