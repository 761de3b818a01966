import { foldCase } from '../filter/caseless.js'
import type { FilterCondition, FilterNode, FilterTest } from '../filter/filter-tree.js'
import { isAbsenceTest } from '../filter/flat-array.js'
import { parseInstant } from '../filter/instant.js'
import { type Json, isJsonObject } from '../json.js'
import { readRangeNumbers } from './address-numbers.js'
import { hashFoldedText, NOT_ASCII } from './feature-reader.js'
import {
  FEATURE_KINDS,
  type FeatureKind,
  type FeatureTable,
  roundTextLength,
  SPREADS,
  type Spread,
} from './feature-table.js'
import { guessShare } from './guess-share.js'
import { HASH_PRESENT, hashScalar, hashText } from './hash.js'
import { HASHES_MAX, intersectRanges, mergeBranches } from './merge-atoms.js'
import { type Range, readNumberRange } from './number-range.js'
import { ENVELOPE_ROOT, PAYLOAD_ROOT, type PathTable } from './path-table.js'

/**
 * One thing that an event must have for a filter to match: of a feature one of these hashes, or a number in this range.
 */
export interface Atom {
  feature: number
  hashes: readonly number[]
  /** Hashes at the end of `hashes` that stand for whatever has no hash of its own. */
  strays: number
  /** The share of events that have what is asked for, guessed by its looks alone: of each hash. */
  guess: number
  /** For features of ranges; then `hashes` is empty. */
  range: { low: number; high: number } | undefined
  /** It looks into arrays, of which an event may have many values. */
  isSpread: boolean
  /** Where in its filter this stands: the pointer of the condition, and its test. */
  pointer: string
  test: FilterTest
  /** Of alternatives, or bounds of a range, that are one atom: those beside the first. */
  others?: readonly Atom[]
}

/** What an event must have: every atom, and of each group one cover. */
export interface Cover {
  atoms: Atom[]
  groups: Cover[][]
}

/** The property of the envelope that holds the payload. */
const DETAIL = 'detail'

/**
 * Reads from filters what an event must have to match them. It may say less than the filter, never more: what has no
 * cover is tried on each event. It holds paths and features until `release`.
 */
export class CoverReader {
  readonly #paths: PathTable
  readonly #features: FeatureTable
  #heldPaths: number[] = []
  #heldFeatures: number[] = []

  constructor(paths: PathTable, features: FeatureTable) {
    this.#paths = paths
    this.#features = features
  }

  /** Adds to a cover what a filter asks for whose value stands at a path. */
  read(node: FilterNode, path: number, cover: Cover): void {
    for (const condition of node.conditions) this.#readCondition(condition, { path, pointer: '' }, cover)
  }

  /** Adds an atom for a value that must be equal to a literal. */
  addEqual(path: number, literal: string, cover: Cover): void {
    const test: FilterTest = { at: '', operator: 'oneOf', operand: [literal] }
    this.#readTest(test, { path, pointer: '', spread: SPREADS.SELF }, cover)
  }

  release(): void {
    for (const feature of this.#heldFeatures) this.#features.release(feature)
    for (const path of this.#heldPaths) this.#paths.release(path)
    this.#heldFeatures = []
    this.#heldPaths = []
  }

  #readCondition(condition: FilterCondition, outer: Place, cover: Cover): void {
    const pointer = outer.pointer + condition.at
    switch (condition.kind) {
      case 'and':
        for (const [index, node] of condition.nodes.entries()) {
          this.#readNode(node, { path: outer.path, pointer: `${pointer}/${index}` }, cover)
        }
        break
      case 'or':
        this.#readAlternatives(
          condition.nodes.map((node, index) => (branch: Cover) => {
            this.#readNode(node, { path: outer.path, pointer: `${pointer}/${index}` }, branch)
          }),
          cover,
        )
        break
      // What a negation asks for is mostly that something is not there, which no look-up finds.
      case 'nor':
        break
      case 'value':
        this.#readTest(condition.test, { path: outer.path, pointer, spread: SPREADS.SELF }, cover)
        break
      case 'property': {
        const path = this.#hold(outer.path, condition.key)
        this.#readTests(condition.tests, { path, pointer, spread: SPREADS.SELF }, cover)
        break
      }
      case 'nested':
        this.#readNode(condition.node, { path: this.#hold(outer.path, condition.key), pointer }, cover)
    }
  }

  #readNode(node: FilterNode, place: Place, cover: Cover): void {
    for (const condition of node.conditions) this.#readCondition(condition, place, cover)
  }

  /** One of the alternatives must be found; when one of them can't be looked up, none helps. */
  #readAlternatives(readers: readonly ((branch: Cover) => void)[], cover: Cover): void {
    const branches: Cover[] = []
    for (const read of readers) {
      const branch: Cover = { atoms: [], groups: [] }
      read(branch)
      if (branch.atoms.length === 0 && branch.groups.length === 0) return
      branches.push(branch)
    }
    const merged = mergeBranches(branches)
    if (merged !== undefined) cover.atoms.push(merged)
    else cover.groups.push(branches)
  }

  /** Tests that one and the same value must satisfy. */
  #readTests(tests: readonly FilterTest[], place: TestPlace, cover: Cover): void {
    if (tests.length === 1) {
      this.#readTest(tests[0] as FilterTest, place, cover)
      return
    }
    const ofValue: Cover = { atoms: [], groups: cover.groups }
    for (const test of tests) this.#readTest(test, place, ofValue)
    cover.atoms.push(...intersectRanges(ofValue.atoms))
  }

  #readTest(test: FilterTest, place: TestPlace, cover: Cover): void {
    const { spread } = place
    const at: TestedPlace = { path: place.path, pointer: place.pointer, spread, test, length: 0, strays: 0 }
    switch (test.operator) {
      case 'oneOf':
        this.#addHashes({ kind: FEATURE_KINDS.EQUAL, hashes: test.operand.map(hashScalar) }, at, cover)
        break
      case '$isNull':
        if (test.operand) this.#addHashes({ kind: FEATURE_KINDS.EQUAL, hashes: [hashScalar(null)] }, at, cover)
        break
      case '$exists':
        if (test.operand) this.#addPresent(at, cover)
        break
      case '$includes':
        this.#addHashes(
          { kind: FEATURE_KINDS.EQUAL, hashes: [hashScalar(test.operand)] },
          withSpread(at, SPREADS.ELEMENTS),
          cover,
        )
        break
      case '$contains':
        this.#readJson(test.operand, withSpread(at, SPREADS.BOTH), cover)
        break
      case '$equals':
        this.#readJson(test.operand, at, cover)
        break
      case '$anythingBut':
        // In our own language it holds for what is absent; inside `someOf` it is tried on a scalar that is there.
        if (spread === SPREADS.BOTH) this.#addPresent(at, cover)
        break
      case 'someOf':
        this.#readSomeOf(test.operand, at, cover)
        break
      case 'allOf':
        this.#readTests(test.operand, place, cover)
        break
      case '$length': {
        const lengths: Cover = { atoms: [], groups: [] }
        for (const each of test.operand) this.#readLength(each, at, lengths)
        cover.atoms.push(...intersectRanges(lengths.atoms))
        break
      }
      case '$not':
      case 'noneOf':
        this.#addPresent(at, cover)
        break
      default:
        if (!this.#readText(test, at, cover)) this.#readRange(test, at, cover)
    }
  }

  #readSomeOf(tests: readonly FilterTest[], place: TestedPlace, cover: Cover): void {
    if (tests.some(isAbsenceTest)) return
    this.#readAlternatives(
      tests.map((test) => (branch: Cover) => this.#readTest(test, { ...place, spread: SPREADS.BOTH }, branch)),
      cover,
    )
  }

  #readText(test: FilterTest, at: TestedPlace, cover: Cover): boolean {
    switch (test.operator) {
      case '$startsWith':
        this.#addEdge({ kind: FEATURE_KINDS.PREFIX, text: test.operand }, at, cover)
        return true
      case '$endsWith':
        this.#addEdge({ kind: FEATURE_KINDS.SUFFIX, text: test.operand }, at, cover)
        return true
      case '$wildcard':
        this.#readPieces(test.operand.split('*'), at, cover)
        return true
      case 'pieces':
        this.#readPieces(test.operand, at, cover)
        return true
      case '$ignoreCaseEquals': {
        const hash = hashFoldedText(test.operand)
        if (hash === NOT_ASCII) this.#addPresent(at, cover)
        else this.#addHashes({ kind: FEATURE_KINDS.FOLDED, hashes: [hash, NOT_ASCII] }, { ...at, strays: 1 }, cover)
        return true
      }
      case 'caselessEquals':
        this.#addHashes({ kind: FEATURE_KINDS.LOWER, hashes: [hashText(foldCase(test.operand))] }, at, cover)
        return true
      case 'caselessPrefix':
      case 'caselessSuffix':
        this.#addPresent(at, cover)
        return true
      default:
        return false
    }
  }

  #readPieces(pieces: readonly string[], at: TestedPlace, cover: Cover): void {
    const [first = '', ...others] = pieces
    const last = others.at(-1)
    if (last === undefined) {
      this.#addHashes({ kind: FEATURE_KINDS.EQUAL, hashes: [hashScalar(first)] }, at, cover)
      return
    }
    if (last.length > 0) this.#addEdge({ kind: FEATURE_KINDS.SUFFIX, text: last }, at, cover)
    if (first.length > 0 || last.length === 0) this.#addEdge({ kind: FEATURE_KINDS.PREFIX, text: first }, at, cover)
  }

  #addEdge({ kind, text }: { kind: FeatureKind; text: string }, at: TestedPlace, cover: Cover): void {
    const length = roundTextLength(text.length)
    if (length === 0) {
      this.#addPresent(at, cover)
      return
    }
    const isPrefix = kind === FEATURE_KINDS.PREFIX
    const hash = isPrefix ? hashText(text, 0, length) : hashText(text, text.length - length)
    this.#addHashes({ kind: kind, hashes: [hash] }, { ...at, length }, cover)
  }

  #readRange(test: FilterTest, at: TestedPlace, cover: Cover): void {
    switch (test.operator) {
      case '$before':
      case '$after': {
        const seconds = parseInstant(test.operand)?.seconds ?? Number.NaN
        const range = test.operator === '$before' ? { low: -Infinity, high: seconds } : { low: seconds, high: Infinity }
        this.#addRange({ kind: FEATURE_KINDS.INSTANT, range: range }, at, cover)
        break
      }
      case '$cidr': {
        const numbers = readRangeNumbers(test.operand)
        if (numbers !== undefined) this.#addRange({ kind: numbers.kind, range: numbers }, at, cover)
        break
      }
      default: {
        const range = readNumberRange(test)
        if (range !== undefined) this.#addRange({ kind: FEATURE_KINDS.NUMBER, range: range }, at, cover)
      }
    }
  }

  #readLength(test: FilterTest, at: TestedPlace, cover: Cover): void {
    const range = readNumberRange(test)
    if (range === undefined) this.#addPresent(at, cover)
    else this.#addRange({ kind: FEATURE_KINDS.LENGTH, range: range }, at, cover)
  }

  /** JSON that must be equal to the value, or contained in it: then the spread is `BOTH`. */
  #readJson(operand: Json, at: TestedPlace, cover: Cover): void {
    if (typeof operand !== 'object' || operand === null) {
      this.#addHashes({ kind: FEATURE_KINDS.EQUAL, hashes: [hashScalar(operand)] }, at, cover)
      return
    }
    this.#addPresent(withSpread(at, SPREADS.SELF), cover)
    if (!Array.isArray(operand)) {
      for (const [key, wanted] of Object.entries(operand)) {
        const path = this.#hold(at.path, key)
        this.#readJson(wanted, { ...at, path, spread: SPREADS.SELF }, cover)
      }
      return
    }
    for (const element of operand) {
      // The elements of arrays inside arrays are no elements of the outer one, and have no path.
      if (Array.isArray(element)) continue
      if (isJsonObject(element)) {
        for (const [key, wanted] of Object.entries(element)) {
          const path = this.#hold(at.path, key)
          this.#readJson(wanted, { ...at, path, spread: SPREADS.SELF }, cover)
        }
      } else {
        this.#addHashes(
          { kind: FEATURE_KINDS.EQUAL, hashes: [hashScalar(element)] },
          withSpread(at, SPREADS.ELEMENTS),
          cover,
        )
      }
    }
  }

  #addPresent(at: TestedPlace, cover: Cover): void {
    this.#addHashes({ kind: FEATURE_KINDS.PRESENT, hashes: [HASH_PRESENT] }, at, cover)
  }

  #addHashes({ kind, hashes }: { kind: FeatureKind; hashes: number[] }, at: TestedPlace, cover: Cover): void {
    if (hashes.length > HASHES_MAX) {
      this.#addPresent(at, cover)
      return
    }
    const { path, spread, length, strays, pointer, test } = at
    const feature = this.#features.hold({ path, kind, spread, length })
    this.#heldFeatures.push(feature)
    const distinct = hashes.length === 1 ? hashes : [...new Set(hashes)]
    cover.atoms.push({
      feature,
      hashes: distinct,
      strays,
      guess: guessShare(kind, at),
      range: undefined,
      isSpread: spread !== SPREADS.SELF,
      pointer,
      test,
    })
  }

  #addRange({ kind, range: { low, high } }: { kind: FeatureKind; range: Range }, at: TestedPlace, cover: Cover): void {
    const { path, spread, pointer, test } = at
    const feature = this.#features.hold({ path, kind, spread, length: 0 })
    this.#heldFeatures.push(feature)
    cover.atoms.push({
      feature,
      hashes: [],
      strays: 0,
      guess: 1,
      range: { low, high },
      isSpread: spread !== SPREADS.SELF,
      pointer,
      test,
    })
  }

  #hold(parent: number, key: string): number {
    if (parent === ENVELOPE_ROOT && key === DETAIL) return PAYLOAD_ROOT
    const path = this.#paths.hold(parent, key)
    this.#heldPaths.push(path)
    return path
  }
}

interface Place {
  path: number
  pointer: string
}

interface TestPlace extends Place {
  spread: Spread
}

interface TestedPlace extends TestPlace {
  test: FilterTest
  /** Characters of a prefix or suffix. */
  length: number
  strays: number
}

// Written out, because copying with a spread takes most of the time of adding a rule.
function withSpread({ path, pointer, test, length, strays }: TestedPlace, spread: Spread): TestedPlace {
  return { path, pointer, spread, test, length, strays }
}
