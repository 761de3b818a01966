import { SpreadMap } from './spread-map.js'

/** A rule: its entry, the next and the previous rule of it, whether it is taken once, and when it runs out: two places. */
const STRIDE = 6
const ENTRY = 0
const NEXT = 1
const PREVIOUS = 2
const FLAGS = 3

/** The same in halves: when a rule runs out takes one, a number. */
const HALVES = STRIDE / 2
const EXPIRY = 2

const IS_ONCE = 1

/** No rule. */
export const NO_RULE = -1

const START_CAPACITY = 16

/** An id, and what finding it takes. */
const RULE_BYTES = 128

/** The rules of a matcher by their ids, numbered, and linked to those with the same filter. */
export class RuleList {
  /** By number; undefined where no rule is. */
  readonly ids: (string | undefined)[] = []
  readonly #numbers = new SpreadMap()
  #fields = new Int32Array(START_CAPACITY * STRIDE)
  /** The same memory: milliseconds since 1970; `Infinity` for rules that do not run out. */
  #expiries = new Float64Array(this.#fields.buffer)
  #free: number[] = []

  get size(): number {
    return this.#numbers.size
  }

  get bytes(): number {
    return this.#fields.byteLength + this.#numbers.size * RULE_BYTES
  }

  /** The number of a rule; {@link NO_RULE} when there is none with this id. */
  find(id: string): number {
    return this.#numbers.get(id) ?? NO_RULE
  }

  /** Puts a rule before the first of its entry. */
  add(
    { id, once, expiresAt }: { id: string; once: boolean; expiresAt: Date | null },
    entry: number,
    first: number,
  ): number {
    const rule = this.#free.pop() ?? this.ids.length
    if ((rule + 1) * STRIDE > this.#fields.length) {
      const fields = new Int32Array(Math.ceil((this.#fields.length * 1.5) / STRIDE) * STRIDE)
      fields.set(this.#fields)
      this.#setFields(fields)
    }
    const at = rule * STRIDE
    this.#fields[at + ENTRY] = entry
    this.#fields[at + NEXT] = first
    this.#fields[at + PREVIOUS] = NO_RULE
    this.#fields[at + FLAGS] = once ? IS_ONCE : 0
    if (first !== NO_RULE) this.#fields[first * STRIDE + PREVIOUS] = rule
    this.#expiries[rule * HALVES + EXPIRY] = expiresAt?.getTime() ?? Infinity
    this.ids[rule] = id
    this.#numbers.add(id, rule)
    return rule
  }

  /** Takes a rule out; gives the first of its entry then, or {@link NO_RULE}. */
  remove(rule: number, first: number): number {
    const at = rule * STRIDE
    const next = this.#fields[at + NEXT] as number
    const previous = this.#fields[at + PREVIOUS] as number
    if (next !== NO_RULE) this.#fields[next * STRIDE + PREVIOUS] = previous
    if (previous !== NO_RULE) this.#fields[previous * STRIDE + NEXT] = next
    this.#numbers.delete(this.ids[rule] as string)
    this.ids[rule] = undefined
    this.#free.push(rule)
    if (this.#numbers.size === 0) {
      this.ids.length = 0
      this.#free = []
      this.#setFields(new Int32Array(START_CAPACITY * STRIDE))
    }
    return rule === first ? next : first
  }

  entryOf(rule: number): number {
    return this.#fields[rule * STRIDE + ENTRY] as number
  }

  nextOf(rule: number): number {
    return this.#fields[rule * STRIDE + NEXT] as number
  }

  isOnce(rule: number): boolean {
    return ((this.#fields[rule * STRIDE + FLAGS] as number) & IS_ONCE) !== 0
  }

  expiryOf(rule: number): Date | null {
    const expiry = this.#expiries[rule * HALVES + EXPIRY] as number
    return expiry === Infinity ? null : new Date(expiry)
  }

  isExpired(rule: number, now: number): boolean {
    return (this.#expiries[rule * HALVES + EXPIRY] as number) <= now
  }

  /** Asks for the memory of the ids of some rules, of all before any is used. */
  askAhead(rules: Int32Array, count: number): void {
    let sum = 0
    for (let index = 0; index < count; index += 1) sum += (this.ids[rules[index] as number] as string).length
    if (sum < 0) throw new RangeError('characters are counted from 0')
  }

  #setFields(fields: Int32Array<ArrayBuffer>): void {
    this.#fields = fields
    this.#expiries = new Float64Array(fields.buffer)
  }
}
