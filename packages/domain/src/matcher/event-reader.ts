import { countScanSteps } from '../filter/count-steps.js'
import { isSomeFlatElement } from '../filter/flat-array.js'
import { spend, type WorkBudget } from '../filter/work-budget.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import { readRequestPayload } from '../request-payload.js'
import { buildEnvelope } from './envelope.js'
import type { MatchableEvent } from './matchable-event.js'
import { ACCOUNT_ROOT, CONTEXT_ROOT, ENVELOPE_ROOT, PAYLOAD_ROOT, type PathTable, SOURCE_ROOT } from './path-table.js'

/** What stands at a path of an event. */
export const ABSENT = 0
/** One value, reached through objects alone. */
export const SINGLE = 1
/** The way leads through an array: any number of values, those of its elements that are objects. */
const MANY = 2

const START_CAPACITY = 64

/**
 * Reads an event by the paths of a table, each path once. Paths fan out over arrays as nested filters do. What it gives
 * holds until the next event begins.
 */
export class EventReader {
  /** By path: the one value that stands there. Valid after `read`. */
  readonly values: (Json | undefined)[] = []
  readonly #lists: (readonly Json[] | undefined)[] = []
  readonly #paths: PathTable
  #states = new Uint8Array(START_CAPACITY)
  #stamps = new Uint32Array(START_CAPACITY)
  #touched = new Int32Array(START_CAPACITY)
  #touchedCount = 0
  #epoch = 0
  #present: number[] | undefined
  #event: MatchableEvent | undefined
  #budget: WorkBudget = { stepsLeft: 0 }

  constructor(paths: PathTable) {
    this.#paths = paths
  }

  begin(event: MatchableEvent, budget: WorkBudget): void {
    this.#epoch += 1
    if (this.#epoch === 0xffffffff) {
      this.#stamps.fill(0)
      this.#epoch = 1
    }
    this.#event = event
    this.#budget = budget
    if (this.#stamps.length < this.#paths.size) this.#grow()
  }

  /** What reading costs is paid from this budget from now on. */
  payFrom(budget: WorkBudget): void {
    this.#budget = budget
  }

  /** Lets go of the event. */
  end(): void {
    for (let index = 0; index < this.#touchedCount; index += 1) {
      const path = this.#touched[index] as number
      this.values[path] = undefined
      this.#lists[path] = undefined
    }
    this.#touchedCount = 0
    this.#present = undefined
    this.#event = undefined
  }

  /** Tells what stands at a path: `ABSENT`, `SINGLE` (then see `values`) or `MANY` (then see `listAt`). */
  read(path: number): number {
    if (this.#stamps[path] === this.#epoch) return this.#states[path] as number
    const state = this.#find(path)
    this.#stamps[path] = this.#epoch
    this.#states[path] = state
    this.#touched[this.#touchedCount] = path
    this.#touchedCount += 1
    return state
  }

  /** Lets it know what stands at a root: that is not read again. */
  put(root: number, value: Json): void {
    this.values[root] = value
    this.#stamps[root] = this.#epoch
    this.#states[root] = SINGLE
    this.#touched[this.#touchedCount] = root
    this.#touchedCount += 1
  }

  /** The values at a path to which many lead. They are gathered when they are first asked for: most tests do not ask. */
  listAt(path: number): readonly Json[] {
    const known = this.#lists[path]
    if (known !== undefined) return known
    const parent = this.#paths.parents[path] as number
    const above = this.read(parent) === MANY ? this.listAt(parent) : [this.values[parent] as Json]
    const list = this.#collect(above, this.#paths.keys[path] as string)
    this.#lists[path] = list
    return list
  }

  /** Every path of the table below payload, context and envelope that the event has. */
  listPresent(): readonly number[] {
    if (this.#present === undefined) {
      const present: number[] = []
      const seen = new Set<number>()
      for (const root of [PAYLOAD_ROOT, CONTEXT_ROOT, ENVELOPE_ROOT]) {
        if (this.#paths.children[root] === undefined) continue
        if (this.read(root) === SINGLE) this.#walk(root, this.values[root] as Json, { present, seen })
      }
      this.#present = present
    }
    return this.#present
  }

  #find(path: number): number {
    const parent = this.#paths.parents[path] as number
    if (parent < 0) {
      this.values[path] = this.#readRoot(path)
      return this.values[path] === undefined ? ABSENT : SINGLE
    }
    const state = this.read(parent)
    if (state !== SINGLE) return state
    const value = this.values[parent] as Json
    if (typeof value !== 'object' || value === null) return ABSENT
    if (Array.isArray(value)) return MANY
    const key = this.#paths.keys[path] as string
    // JSON has no undefined: what is not inherited and not undefined is the object's own. One look instead of two.
    if (this.#paths.inherited[path] === true && !Object.hasOwn(value, key)) return ABSENT
    const own = value[key]
    if (own === undefined) return ABSENT
    this.values[path] = own
    return SINGLE
  }

  #readRoot(root: number): Json | undefined {
    const event = this.#event as MatchableEvent
    switch (root) {
      case PAYLOAD_ROOT:
        return readRequestPayload(event.payloadType, event.readPayload())
      case CONTEXT_ROOT:
        return event.readContext()
      case ENVELOPE_ROOT:
        return this.#readEnvelope(event)
      case ACCOUNT_ROOT:
        return event.externalAccountId ?? undefined
      case SOURCE_ROOT:
        return event.source
      default:
        return undefined
    }
  }

  #readEnvelope(event: MatchableEvent): Json | undefined {
    // The payload is read already, or at least once.
    if (this.read(PAYLOAD_ROOT) === ABSENT) return undefined
    const payload = this.values[PAYLOAD_ROOT] as Json
    return buildEnvelope({ ...event, payloadType: 'JSON', readPayload: () => payload })
  }

  #collect(values: readonly Json[], key: string): Json[] {
    const found: Json[] = []
    spend(this.#budget, values.length)
    for (const value of values) {
      if (!Array.isArray(value)) {
        if (isJsonObject(value) && Object.hasOwn(value, key)) found.push(value[key] as Json)
        continue
      }
      for (const element of this.#listObjects(value)) {
        if (Object.hasOwn(element, key)) found.push(element[key] as Json)
      }
    }
    return found
  }

  /** The objects in an array; also those in arrays inside it, which event patterns look through. */
  #listObjects(array: readonly Json[]): JsonObject[] {
    const objects: JsonObject[] = []
    spend(this.#budget, array.length)
    isSomeFlatElement(
      array,
      (element) => {
        if (isJsonObject(element)) objects.push(element)
        return false
      },
      this.#budget,
    )
    return objects
  }

  #walk(path: number, value: Json, found: { present: number[]; seen: Set<number> }): void {
    if (typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) {
      for (const element of this.#listObjects(value)) this.#walk(path, element, found)
      return
    }
    const children = this.#paths.children[path]
    if (children === undefined) return
    const keys = Object.keys(value)
    spend(this.#budget, countScanSteps(keys.length))
    for (const key of keys) {
      const child = children.get(key)
      if (child === undefined) continue
      if (!found.seen.has(child)) {
        found.seen.add(child)
        found.present.push(child)
      }
      this.#walk(child, value[key] as Json, found)
    }
  }

  #grow(): void {
    const capacity = Math.max(this.#paths.size, this.#stamps.length * 2)
    this.#states = copyTo(new Uint8Array(capacity), this.#states)
    this.#stamps = copyTo(new Uint32Array(capacity), this.#stamps)
    this.#touched = copyTo(new Int32Array(capacity), this.#touched)
  }
}

function copyTo<Target extends Uint8Array | Uint32Array | Int32Array>(target: Target, source: Target): Target {
  target.set(source)
  return target
}
