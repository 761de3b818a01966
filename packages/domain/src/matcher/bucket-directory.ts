import { ANY_SOURCE } from '../event.js'
import { Bucket, type IndexParts } from './bucket.js'
import type { DispatcherRule } from '../dispatcher.js'
import { hashText, mixHashes } from './hash.js'

/** Where the rules with these event names and this source stand. Lives as long as there are such rules. */
export interface Route {
  readonly id: number
  readonly eventNames: readonly string[]
  readonly source: string
  readonly buckets: readonly Bucket[]
  holders: number
}

type BucketsBySource = Map<string, Bucket>

const ROUTE_BYTES = 500

/** Finds the buckets of an event by its name and source: exact names, and names that end in `*` by their prefix. */
export class BucketDirectory {
  readonly #parts: IndexParts
  readonly #exact = new Map<string, BucketsBySource>()
  readonly #prefixes = new Map<string, BucketsBySource>()
  /** How many prefixes there are of each length. */
  readonly #prefixLengths = new Map<number, number>()
  readonly #routes = new Map<string, Route>()
  readonly #byId: (Route | undefined)[] = []
  readonly #freeIds: number[] = []

  constructor(parts: IndexParts) {
    this.#parts = parts
  }

  get bytes(): number {
    let bytes = this.#routes.size * ROUTE_BYTES
    for (const bucket of this.#listBuckets()) bytes += bucket.bytes
    return bytes
  }

  getRoute(id: number): Route {
    return this.#byId[id] as Route
  }

  /** Holds the route of a rule. */
  hold({ eventNames, source }: Pick<DispatcherRule, 'eventNames' | 'source'>): Route {
    const names = eventNames.length === 1 ? eventNames : [...new Set(eventNames)].sort()
    const key = JSON.stringify([source, ...names])
    const known = this.#routes.get(key)
    if (known !== undefined) {
      known.holders += 1
      return known
    }
    const id = this.#freeIds.pop() ?? this.#byId.length
    const buckets = names.map((name) => this.#holdBucket(name, source))
    const route: Route = { id, eventNames: [...names], source, buckets, holders: 1 }
    this.#byId[id] = route
    this.#routes.set(key, route)
    return route
  }

  release(route: Route): void {
    route.holders -= 1
    if (route.holders > 0) return
    this.#routes.delete(JSON.stringify([route.source, ...route.eventNames]))
    this.#byId[route.id] = undefined
    this.#freeIds.push(route.id)
    for (const [index, name] of route.eventNames.entries()) {
      this.#dropBucket(name, route.source, route.buckets[index] as Bucket)
    }
    if (this.#routes.size === 0) {
      this.#byId.length = 0
      this.#freeIds.length = 0
    }
  }

  /** Every bucket that an event of this name and source is matched against, each once. */
  forEachBucket(name: string, source: string, visit: (bucket: Bucket) => void): void {
    visitSources(this.#exact.get(name), source, visit)
    for (const length of this.#prefixLengths.keys()) {
      if (length <= name.length) visitSources(this.#prefixes.get(name.slice(0, length)), source, visit)
    }
  }

  /** Tells whether any bucket for this name, of whatever source, has filters that look at payload or context. */
  readsBody(name: string): boolean {
    if (hasReading(this.#exact.get(name))) return true
    for (const length of this.#prefixLengths.keys()) {
      if (length <= name.length && hasReading(this.#prefixes.get(name.slice(0, length)))) return true
    }
    return false
  }

  #holdBucket(entry: string, source: string): Bucket {
    const isPrefix = entry.endsWith('*')
    const name = isPrefix ? entry.slice(0, -1) : entry
    const table = isPrefix ? this.#prefixes : this.#exact
    let bySource = table.get(name)
    if (bySource === undefined) {
      bySource = new Map()
      table.set(name, bySource)
      if (isPrefix) this.#prefixLengths.set(name.length, (this.#prefixLengths.get(name.length) ?? 0) + 1)
    }
    let bucket = bySource.get(source)
    if (bucket === undefined) {
      bucket = new Bucket(this.#parts, mixHashes(hashText(entry), hashText(source)))
      bySource.set(source, bucket)
    }
    bucket.routeCount += 1
    return bucket
  }

  #dropBucket(entry: string, source: string, bucket: Bucket): void {
    bucket.routeCount -= 1
    if (bucket.routeCount > 0) return
    const isPrefix = entry.endsWith('*')
    const name = isPrefix ? entry.slice(0, -1) : entry
    const table = isPrefix ? this.#prefixes : this.#exact
    const bySource = table.get(name)
    bySource?.delete(source)
    if (bySource?.size !== 0) return
    table.delete(name)
    if (!isPrefix) return
    const count = (this.#prefixLengths.get(name.length) ?? 0) - 1
    if (count > 0) this.#prefixLengths.set(name.length, count)
    else this.#prefixLengths.delete(name.length)
  }

  *#listBuckets(): Generator<Bucket> {
    for (const table of [this.#exact, this.#prefixes]) {
      for (const bySource of table.values()) yield* bySource.values()
    }
  }
}

function visitSources(bySource: BucketsBySource | undefined, source: string, visit: (bucket: Bucket) => void): void {
  if (bySource === undefined) return
  const own = bySource.get(source)
  if (own !== undefined) visit(own)
  const any = source === ANY_SOURCE ? undefined : bySource.get(ANY_SOURCE)
  if (any !== undefined) visit(any)
}

function hasReading(bySource: BucketsBySource | undefined): boolean {
  if (bySource === undefined) return false
  for (const bucket of bySource.values()) if (bucket.readingCount > 0) return true
  return false
}
