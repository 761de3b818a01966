import type { Json } from '../json.js'
import { RuleMask } from './rule-mask.js'
import type { NumberSets, SieveColumn, SieveHolder, ValueSets } from './sieve-column.js'
import type { SieveParts } from './sieve-parts.js'
import { type ElementColumns, LONG_TEXT } from './sieve-run.js'

/** Characters of code up to which there is any: some twice what 40 rules take. V8 does not make much more fast. */
const SOURCE_CHARACTERS_MAX = 32_000

/** Values of a column that are compared one by one: of more, one is looked up. */
const COMPARED_VALUES_MAX = 12

/** Texts that are compared without a look at their length first. */
const UNMEASURED_TEXTS_MAX = 3

/** Bounds of ranges that are compared one by one. */
const COMPARED_BOUNDS_MAX = 12

/** The code of a sieve, and what stands in the place of its `k0`, `k1`, …. */
export interface WrittenSieve {
  readonly source: string
  readonly constants: readonly unknown[]
}

/**
 * Writes the body of a function that makes the one which sifts as `RuleSieve` does; undefined when it would be too long.
 * It takes the constants as `k`, and what the code calls as `tools`. Of rules the text has nothing but numbers of bits
 * and places: keys, literals and operands are constants, however harmless they look.
 */
export function writeSieve(parts: SieveParts): WrittenSieve | undefined {
  return new SieveWriter(parts).write()
}

class SieveWriter {
  readonly #parts: SieveParts
  readonly #all = new RuleMask()
  readonly #isWide: boolean
  readonly #constants: unknown[] = []
  readonly #names = new Map<unknown, string>()
  /** By holder: the rules of which one that is left tells that it was looked for, by a column before. */
  readonly #found: readonly RuleMask[]

  constructor(parts: SieveParts) {
    this.#parts = parts
    this.#found = parts.holders.map(() => new RuleMask())
    for (let place = 0; place < parts.rules.length; place += 1) this.#all.add(place)
    this.#isWide = this.#all.high !== 0
  }

  write(): WrittenSieve | undefined {
    const { sources, accounts, whole, columns, holders } = this.#parts
    const lines = [
      `let low = ${this.#all.low}, high = ${this.#all.high}, steps = 0, tried = 0`,
      `let unsureLow = ${whole.low}, unsureHigh = ${whole.high}`,
      'const { event, budget } = run, { stepsLeft } = budget, { counts } = run.tools',
      this.#keepByValue(sources, 'event.source'),
      accounts.byValue.size === 0 ? '' : this.#keepByValue(accounts, 'event.externalAccountId'),
      ...holders.map(({ parent }, place) =>
        parent === -1 ? `let h${place} = null` : `let h${place} = null, m${place}`,
      ),
    ]
    let characters = 0
    for (const column of columns) {
      const line = this.#writeColumn(column)
      characters += line.length
      // Of what is far too long not all is written.
      if (characters > SOURCE_CHARACTERS_MAX) return undefined
      lines.push(line)
    }
    lines.push(
      ...holders.flatMap((holder, place) => this.#keepFar(holder, place)),
      'run.low = low; run.high = high; run.unsureLow = unsureLow; run.unsureHigh = unsureHigh',
      'counts.candidates += tried; counts.probes += steps; spend(budget, steps)',
      'return true',
    )
    const names = this.#constants.map((_, index) => `k${index} = k[${index}]`)
    const constants = names.length === 0 ? '' : `const ${names.join(', ')}\n`
    const body = lines.filter((line) => line !== '').join('\n')
    const source = `'use strict'\n${TOOL_NAMES}\n${constants}return function sift(run) {\n${body}\n}`
    return source.length > SOURCE_CHARACTERS_MAX ? undefined : { source, constants: this.#constants }
  }

  /**
   * Finds what has the property of a column, when no column before has: an object, or an array (`m`), or nothing. A root
   * is read when a column asks first, as that may be never. What is no plain object is not for this code: it gives back
   * what it took.
   */
  #findHolder(place: number, asking: RuleMask): string {
    const found = this.#found[place] as RuleMask
    if (((asking.low & ~found.low) | (asking.high & ~found.high)) === 0) return ''
    found.addAll(asking)
    const { parent, root, key, isInherited } = this.#parts.holders[place] as SieveHolder
    if (parent === -1) {
      return [
        `if (h${place} === null) {`,
        `h${place} = run.readRoot(${root})`,
        `if (!isPlain(h${place})) { budget.stepsLeft = stepsLeft; return false }`,
        '}',
      ].join('\n')
    }
    const isRoot = (this.#parts.holders[parent] as SieveHolder).parent === -1
    const [own, above] = [`h${place}`, `h${parent}`]
    const read = this.#readOwn(above, { key, isInherited })
    const findOwn = [
      `const r = ${read}`,
      `if (typeof r === 'object' && r !== null) { if (isArray(r)) m${place} = r; else ${own} = r }`,
    ].join('\n')
    const below = isRoot
      ? findOwn
      : `if (${above} !== undefined) { ${findOwn} } else if (m${parent} !== undefined) m${place} = farArray`
    return `if (${own} === null) { ${this.#findHolder(parent, asking)} ${own} = undefined; ${below} }`
  }

  #writeColumn(column: SieveColumn): string {
    const { holder, asking, tests } = column
    const isRoot = (this.#parts.holders[holder] as SieveHolder).parent === -1
    const read = this.#readOwn(`h${holder}`, column)
    const lines = [
      `if (${this.#isLeft(asking)}) {`,
      'steps += 1',
      this.#findHolder(holder, asking),
      isRoot ? '' : `if (m${holder} === undefined) {`,
      `const v = ${isRoot ? read : `h${holder} === undefined ? undefined : ${read}`}`,
      this.#keepOfColumn(column),
      ...tests.map(({ rules, steps, holds, operand }) => {
        const call = `${this.#name(holds)}(v, ${this.#name(operand)}, budget)`
        const none = { low: ~rules.low, high: ~rules.high }
        const failed = `if (!${call}) { tried += 1; ${this.#keep(none)} }`
        return `if (${this.#isLeft(rules)}) { spend(budget, ${steps}); ${failed} }`
      }),
      isRoot ? '}' : '} }',
    ]
    return lines.join('\n')
  }

  /** What a property that is there leaves, or one that is not. */
  #keepOfColumn({ ofAbsent, values, numbers, elements }: SieveColumn): string {
    const kept = [
      values === undefined ? '' : `${SPEND_ON_TEXT}\n${this.#keepByValue(values, 'v')}`,
      numbers === undefined ? '' : this.#keepByNumber(numbers),
      elements === undefined ? '' : this.#keepByElements(elements),
    ]
    const absent = this.#keep(ofAbsent)
    const present = kept.filter((line) => line !== '')
    if (present.length === 0) return absent === '' ? '' : `if (v === undefined) { ${absent} }`
    // Mostly an absent value leaves what any other value leaves.
    const sets = values ?? numbers ?? elements
    const isLikeOthers = present.length === 1 && sets !== undefined && isSameMask(sets.ofOthers, ofAbsent)
    return isLikeOthers ? present.join('\n') : `if (v === undefined) { ${absent} } else {\n${present.join('\n')}\n}`
  }

  #keepByValue(sets: ValueSets, value: string): string {
    const [only, ...more] = sets.byValue
    if (only === undefined) return this.#keep(sets.ofOthers)
    if (more.length > 0) return this.#keepPlace([sets.ofOthers, ...sets.byValue.values()], this.#findPlace(sets, value))
    const [named, others] = [this.#keep(only[1]), this.#keep(sets.ofOthers)]
    const test = `typeof ${value} === '${typeof only[0]}' && ${value} === ${this.#literal(only[0])}`
    if (named === '') return `if (!(${test})) { ${others} }`
    return others === '' ? `if (${test}) { ${named} }` : `if (${test}) { ${named} } else { ${others} }`
  }

  /**
   * An expression: the place of a value among those that are named, from 1 on; 0 for any other. Types are asked for first:
   * comparing two texts is fast where nothing else is ever compared.
   */
  #findPlace({ byValue }: ValueSets, value: string): string {
    const places = [...byValue.keys()].map((named, index): PlacedValue => ({ named, place: index + 1 }))
    if (places.length > COMPARED_VALUES_MAX) {
      const map = new Map<Json, number>(places.map(({ named, place }) => [named, place]))
      return `(${this.#name(map)}.get(${value}) ?? 0)`
    }
    const ofType = (type: string): PlacedValue[] => places.filter(({ named }) => typeof named === type)
    const [texts, numbers] = [ofType('string'), ofType('number')]
    const others = places.filter(({ named }) => typeof named !== 'string' && typeof named !== 'number')
    const ofText = texts.length === 0 ? '' : `typeof ${value} === 'string' ? ${this.#compareTexts(texts, value)} : `
    const ofNumber = numbers.length === 0 ? '' : `typeof ${value} === 'number' ? ${this.#compare(numbers, value)} : `
    return `${ofText}${ofNumber}${this.#compare(others, value)}`
  }

  #compareTexts(texts: readonly PlacedValue[], value: string): string {
    if (texts.length <= UNMEASURED_TEXTS_MAX) return `(${this.#compare(texts, value)})`
    const lengthOf = ({ named }: PlacedValue): number => (named as string).length
    const byLength = [...new Set(texts.map(lengthOf))].map((length) => {
      const some = texts.filter((text) => lengthOf(text) === length)
      return `length === ${length} ? ${this.#compare(some, value)} : `
    })
    return `((length = ${value}.length), ${byLength.join('')}0)`
  }

  #compare(some: readonly PlacedValue[], value: string): string {
    const chain = some.map(({ named, place }) => `${value} === ${this.#literal(named)} ? ${place} : `).join('')
    return chain === '' ? '0' : `(${chain}0)`
  }

  #keepByNumber({ bounds, byPlace, ofOthers }: NumberSets): string {
    const place =
      bounds.length > COMPARED_BOUNDS_MAX
        ? `findPlace(${this.#name(bounds)}, v)`
        : [...bounds]
            .map((bound) => `(v >= ${this.#name(bound)} ? 1 : 0) + (v > ${this.#name(bound)} ? 1 : 0)`)
            .join(' + ') || '0'
    return `if (typeof v === 'number') ${this.#keepPlace(byPlace, place)} else { ${this.#keep(ofOthers)} }`
  }

  #keepByElements(sets: ValueSets): string {
    const masks = [sets.ofOthers, ...sets.byValue.values()]
    const [lows, highs] = this.#nameMasks(masks)
    return [
      'if (isArray(v)) {',
      `spend(budget, v.length); let l = ${sets.ofOthers.low}, g = ${sets.ofOthers.high}`,
      'for (let index = 0; index < v.length; index += 1) {',
      `const e = v[index]; let length = 0; const i = ${this.#findPlace(sets, 'e')}`,
      `l |= ${lows}[i]; g |= ${highs}[i] }`,
      `low &= l; high &= g } else { ${this.#keep(sets.ofOthers)} }`,
    ].join('\n')
  }

  /** Keeps the mask at the place that an expression gives. */
  #keepPlace(masks: readonly MaskWords[], place: string): string {
    const [lows, highs] = this.#nameMasks(masks)
    return `{ let length = 0; const i = ${place}; low &= ${lows}[i]${this.#isWide ? `; high &= ${highs}[i]` : ''} }`
  }

  /**
   * The properties of elements, when all others have taken away what they can: of an array some element has to hold in
   * all. That they were asked for is counted already, in their turn.
   */
  #keepFar({ parent, asking, single, inexact }: SieveHolder, place: number): string[] {
    const columns = this.#parts.columns.filter(({ holder }) => holder === place)
    if (parent === -1 || columns.length === 0) return []
    const isNear = (this.#parts.holders[parent] as SieveHolder).parent === -1
    return [
      `if (m${place} !== undefined) {`,
      isNear ? '' : `if (m${place} === farArray) { ${distrust(asking)} } else {`,
      distrust(inexact),
      this.#keepElements({ single, columns }, `m${place}`),
      isNear ? '}' : '} }',
    ]
  }

  /** In the innermost block, `low` and `high` are what an element leaves of the rules that miss one. */
  #keepElements({ single, columns }: ElementColumns, array: string): string {
    if (isSameMask(single, NO_RULES)) return ''
    const asked = columns.filter(({ asking }) => asking.hasAny(single))
    return [
      `if (${this.#isLeft(single)}) {`,
      `let a = low & ${single.low}, b = high & ${single.high}`,
      `for (let index = 0; index < ${array}.length && (a | b) !== 0; index += 1) {`,
      `const e = ${array}[index]`,
      'spend(budget, 1)',
      `if (typeof e !== 'object' || e === null || isArray(e)) continue`,
      'let low = a, high = b',
      ...asked.map((column) => {
        const kept = this.#keepOfColumn(column)
        return `if (${this.#isLeft(column.asking)}) { spend(budget, 1); const v = ${this.#readOwn('e', column)}\n${kept} }`
      }),
      'a &= ~low; b &= ~high',
      '}',
      'low &= ~a; high &= ~b }',
    ].join('\n')
  }

  #readOwn(object: string, { key, isInherited }: { key: string; isInherited: boolean }): string {
    const name = this.#name(key)
    const read = `${object}[${name}]`
    return isInherited ? `(hasOwn(${object}, ${name}) ? ${read} : undefined)` : read
  }

  #isLeft({ low, high }: MaskWords): string {
    return this.#isWide ? `((low & ${low}) | (high & ${high})) !== 0` : `(low & ${low}) !== 0`
  }

  /** Statements that keep these rules: none where that is all. */
  #keep({ low, high }: MaskWords): string {
    const keepLow = (low | ~this.#all.low) === -1 ? '' : `low &= ${low}; `
    return (high | ~this.#all.high) === -1 ? keepLow : `${keepLow}high &= ${high}`
  }

  #nameMasks(masks: readonly MaskWords[]): [lows: string, highs: string] {
    return [
      this.#name(Int32Array.from(masks, ({ low }) => low)),
      this.#name(Int32Array.from(masks, ({ high }) => high)),
    ]
  }

  #literal(value: Json): string {
    return value === null || typeof value === 'boolean' ? String(value) : this.#name(value)
  }

  /** The name of a constant. */
  #name(constant: unknown): string {
    const known = this.#names.get(constant)
    if (known !== undefined) return known
    const name = `k${this.#constants.push(constant) - 1}`
    this.#names.set(constant, name)
    return name
  }
}

interface PlacedValue {
  readonly named: Json
  readonly place: number
}

interface MaskWords {
  readonly low: number
  readonly high: number
}

const TOOL_NAMES = 'const { spend, spendOnText, findPlace, farArray, isArray, hasOwn, isPlain } = tools'

/** Whatever is looked up is read once from end to end. */
const SPEND_ON_TEXT = `if (typeof v === 'string' && v.length > ${LONG_TEXT}) spendOnText(budget, v)`

const NO_RULES: MaskWords = new RuleMask()

/** Statements that leave rules to be tried in full. */
function distrust({ low, high }: MaskWords): string {
  return low === 0 && high === 0 ? '' : `unsureLow |= ${low}; unsureHigh |= ${high}`
}

function isSameMask(a: MaskWords, b: MaskWords): boolean {
  return a.low === b.low && a.high === b.high
}
