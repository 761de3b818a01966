import { compileFunction, runInThisContext } from 'node:vm'
import { spend } from '../filter/work-budget.js'
import type { Json } from '../json.js'
import { findPlace } from './sieve-column.js'
import type { SieveParts } from './sieve-parts.js'
import { FAR_ARRAY, type SieveRun, spendOnText } from './sieve-run.js'
import { writeSieve } from './write-sieve.js'

/** Bytes that a character of code takes, measured: as text, and compiled twice, first for its start and then for speed. */
const BYTES_PER_CHARACTER = 9

/** Memory of all code together: that of some 250 sieves, a small share of what rules may take. */
const CODES_BYTES_MAX = 24 * 2 ** 20

/** What stack traces and profiles call the code. */
const CODE_NAME = 'sieve'

/** Tells whether the process may make code from strings: Node can be started so that it may not. */
const MAKES_FUNCTION = `(() => { try { return typeof Function('') === 'function' } catch { return false } })()`

/** Sifts as the parts of a sieve say; false, and nothing has changed, for an event for which it was not made. */
export type Sift = (run: SieveRun) => boolean

/** The code of a sieve. It may be taken away at any time. */
export interface SieveCode {
  sift: Sift | undefined
  readonly bytes: number
}

/** The code of sieves, for as many as may have some at one time. */
export class SieveCodes {
  readonly #made = new Set<SieveCode>()
  readonly #bytesMax: number
  #isAllowed: boolean | undefined
  #bytes = 0

  constructor(bytesMax = CODES_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Makes the code of a sieve; the oldest of others goes where there is too much. Undefined when there can be none. */
  make(parts: SieveParts): SieveCode | undefined {
    this.#isAllowed ??= runInThisContext(MAKES_FUNCTION) === true
    const written = this.#isAllowed ? writeSieve(parts) : undefined
    if (written === undefined) return undefined
    const make = compileFunction(written.source, ['k', 'tools'], { filename: CODE_NAME }) as MakeSift
    const code: SieveCode = { sift: make(written.constants, TOOLS), bytes: written.source.length * BYTES_PER_CHARACTER }
    this.#made.add(code)
    this.#bytes += code.bytes
    for (const oldest of this.#made) {
      if (this.#bytes <= this.#bytesMax || oldest === code) break
      this.release(oldest)
    }
    return code
  }

  release(code: SieveCode): void {
    if (!this.#made.delete(code)) return
    code.sift = undefined
    this.#bytes -= code.bytes
  }
}

type MakeSift = (constants: readonly unknown[], tools: typeof TOOLS) => Sift

/** What the code calls. */
const TOOLS = {
  spend,
  spendOnText,
  findPlace,
  farArray: FAR_ARRAY,
  isArray: Array.isArray,
  hasOwn: Object.hasOwn,
  isPlain: (value: Json | undefined): boolean => typeof value === 'object' && value !== null && !Array.isArray(value),
}
