/** Where the paths of filters begin. */
export const PAYLOAD_ROOT = 0
export const CONTEXT_ROOT = 1
export const ENVELOPE_ROOT = 2
/** The account that an event names, by our id: a value without properties. */
export const ACCOUNT_ROOT = 3
/** The source of an event: a value without properties. */
export const SOURCE_ROOT = 4

const ROOTS = 5

/** Bytes that a path takes, about: its place in four arrays, and its entry in the map of its parent. */
const PATH_BYTES = 120

/** The paths that filters look at, each with a small number. A path lives while someone holds it or one below it. */
export class PathTable {
  readonly parents: number[] = []
  readonly keys: string[] = []
  readonly children: (Map<string, number> | undefined)[] = []
  /** Whether every object seems to have the key, because its prototype has it. */
  readonly inherited: boolean[] = []
  readonly #holders: number[] = []
  readonly #free: number[] = []

  constructor() {
    for (let root = 0; root < ROOTS; root += 1) {
      this.parents.push(-1)
      this.keys.push('')
      this.children.push(undefined)
      this.inherited.push(false)
      this.#holders.push(1)
    }
  }

  /** One more than the largest number of a path. */
  get size(): number {
    return this.parents.length
  }

  get bytes(): number {
    return (this.parents.length - this.#free.length) * PATH_BYTES
  }

  /** Holds the path of a property. */
  hold(parent: number, key: string): number {
    const known = this.children[parent]?.get(key)
    if (known !== undefined) {
      this.holdAgain(known)
      return known
    }
    const path = this.#free.pop() ?? this.parents.length
    this.parents[path] = parent
    this.keys[path] = key
    this.children[path] = undefined
    this.inherited[path] = key in Object.prototype
    this.#holders[path] = 1
    const siblings = (this.children[parent] ??= new Map())
    siblings.set(key, path)
    this.holdAgain(parent)
    return path
  }

  holdAgain(path: number): void {
    this.#holders[path] = (this.#holders[path] ?? 0) + 1
  }

  release(path: number): void {
    const holders = (this.#holders[path] ?? 0) - 1
    this.#holders[path] = holders
    if (holders > 0) return
    const parent = this.parents[path] as number
    const siblings = this.children[parent]
    siblings?.delete(this.keys[path] as string)
    if (siblings?.size === 0) this.children[parent] = undefined
    this.keys[path] = ''
    this.#free.push(path)
    this.release(parent)
  }
}
