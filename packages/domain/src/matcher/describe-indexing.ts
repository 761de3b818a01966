import type { DispatcherRule } from '../dispatcher.js'
import { ANY_SOURCE } from '../event.js'
import { type FilterCondition, type FilterNode, type FilterTest, readFilterTree, readTreeOf } from '../filter/index.js'
import { isAbsenceTest } from '../filter/flat-array.js'
import { chooseKeys, type KeyChoice, type KeyMarket } from './choose-keys.js'
import { FEATURE_KINDS, type FeatureKind, FeatureTable } from './feature-table.js'
import { type Atom, type Cover, CoverReader } from './filter-cover.js'
import { HASH_PRESENT, hashScalar } from './hash.js'
import { KeyStatistics } from './key-statistics.js'
import { DEFAULT_TUNING } from './matcher-tuning.js'
import { CONTEXT_ROOT, PathTable } from './path-table.js'
import { payloadRootOf } from './rule-shapes.js'

/** What of a rule decides under which keys it stands. */
export type IndexableRule = Pick<
  DispatcherRule,
  'filterLanguage' | 'payloadFilter' | 'contextFilter' | 'externalAccountId' | 'source'
>

/** How the filters of a rule are found, by their looks alone. */
export interface Indexing {
  /** False: nothing in the filters can be looked up, so that they are tried on each event that gets so far. */
  isIndexed: boolean
  /** What an event is looked up by, the first {@link CONDITIONS_MAX}. */
  conditions: IndexedCondition[]
  /** A plain sentence when the filters are looked up badly or not at all. */
  warning: string | null
}

/** A condition that carries the index of its rule. */
export interface IndexedCondition {
  /** Null: no filter, but the rule's source or account; named only when nothing in the filters is. */
  filter: FilterField | null
  /** JSON pointer into the filter; of source and account, the field of the rule. */
  pointer: string
  /** As it is written in the filter; `literals` for values. */
  operator: string
  kind: IndexedKind
}

/** In what way the values of events are looked up. */
export type IndexedKind = 'value' | 'prefix' | 'suffix' | 'caseless' | 'presence' | 'range'

type FilterField = 'payloadFilter' | 'contextFilter'

/** Conditions that a description names: a filter may have a thousand alternatives. */
const CONDITIONS_MAX = 20

/** Values that are so frequent that looking them up finds much. */
const COMMON_HASHES: ReadonlySet<number> = new Set([true, false, null].map(hashScalar).concat(HASH_PRESENT))

/** The share of events that have one of them, at least. */
const COMMON_SHARE = 0.3

/** Characters of a pointer that a warning repeats: keys may be long. */
const POINTER_LENGTH_MAX = 200

/**
 * Tells which conditions of a rule carry its index, and warns of filters that can't be indexed. It knows no statistics: a
 * matcher that has seen filters and events may prefer another condition, or take further ones into the key.
 */
export function describeIndexing(rule: IndexableRule): Indexing {
  const filters = readFilters(rule)
  const bonds = listBonds(rule)
  if (filters.length === 0) return { isIndexed: true, conditions: bonds, warning: null }
  const paths = new PathTable()
  const features = new FeatureTable(paths)
  const cover: Cover = { atoms: [], groups: [] }
  const fields = new Map<Atom, FilterField>()
  for (const { field, tree, root } of filters) {
    const own = readCover(new CoverReader(paths, features), tree, root)
    for (const atom of listAtoms(own)) fields.set(atom, field)
    cover.atoms.push(...own.atoms)
    cover.groups.push(...own.groups)
  }
  const choices = chooseKeys(cover, createBlindMarket())
  if (choices === undefined) {
    return { isIndexed: false, conditions: bonds, warning: describeBare(filters, bonds) }
  }
  function* listConditions(choice: KeyChoice): Generator<IndexedCondition> {
    for (const atom of listChosen(choice)) {
      const filter = fields.get(atom) ?? null
      const kind = KINDS[features.kinds[atom.feature] as FeatureKind]
      for (const { pointer, test } of [atom, ...(atom.others ?? [])]) {
        yield { filter, pointer: pointer + test.at, operator: nameOperator(test), kind }
      }
    }
  }
  const weak = choices.map(listChosen).find((atoms) => atoms.every(isCommon))?.[0]
  return {
    isIndexed: true,
    conditions: takeDistinct(choices, listConditions),
    warning: weak === undefined ? null : describeWeak(weak, fields.get(weak)),
  }
}

interface ReadFilter {
  field: FilterField
  tree: FilterNode
  root: number
}

/** The filters that ask for anything. */
function readFilters({ filterLanguage, payloadFilter, contextFilter }: IndexableRule): ReadFilter[] {
  const filters: ReadFilter[] = []
  if (payloadFilter !== null) {
    const tree = readTreeOf(filterLanguage, payloadFilter)
    filters.push({ field: 'payloadFilter', tree, root: payloadRootOf(filterLanguage) })
  }
  if (contextFilter !== null) {
    filters.push({ field: 'contextFilter', tree: readFilterTree(contextFilter), root: CONTEXT_ROOT })
  }
  return filters.filter(({ tree }) => !tree.conditions.every(isVoid))
}

function isVoid(condition: FilterCondition): boolean {
  return condition.kind === 'property' && condition.tests.length === 0
}

function listBonds({ source, externalAccountId }: IndexableRule): IndexedCondition[] {
  const bond = { filter: null, operator: 'literals', kind: 'value' } as const
  const bonds: IndexedCondition[] = []
  if (externalAccountId !== null) bonds.push({ ...bond, pointer: '/externalAccountId' })
  if (source !== ANY_SOURCE) bonds.push({ ...bond, pointer: '/source' })
  return bonds
}

function readCover(covers: CoverReader, tree: FilterNode, root: number): Cover {
  const cover: Cover = { atoms: [], groups: [] }
  covers.read(tree, root, cover)
  return cover
}

function* listAtoms({ atoms, groups }: Cover): Generator<Atom> {
  yield* atoms
  for (const branches of groups) for (const branch of branches) yield* listAtoms(branch)
}

/** A bucket of which nothing is known, but that under common values there are many filters: they take in further conditions. */
function createBlindMarket(): KeyMarket {
  const { chainMax, rangesMin, signaturesMax } = DEFAULT_TUNING
  const statistics = new KeyStatistics()
  return {
    estimateShare: (atom) => Math.max(statistics.estimateShare(atom), isCommon(atom) ? COMMON_SHARE : 0),
    hasSignature: () => false,
    signatureCount: 0,
    countChain: (choice, max) => (choice.atoms.every(isCommon) ? max : 0),
    chainMax,
    rangesMin,
    signaturesMax,
  }
}

function isCommon({ range, hashes }: Atom): boolean {
  if (range !== undefined) return range.low === -Infinity || range.high === Infinity
  return hashes.every((hash) => COMMON_HASHES.has(hash))
}

function listChosen({ atoms, range }: KeyChoice): Atom[] {
  return range === undefined ? [...atoms] : [...atoms, range]
}

function takeDistinct(
  choices: readonly KeyChoice[],
  list: (choice: KeyChoice) => Iterable<IndexedCondition>,
): IndexedCondition[] {
  const distinct = new Map<string, IndexedCondition>()
  for (const choice of choices) {
    for (const condition of list(choice)) {
      distinct.set(`${condition.filter} ${condition.pointer}`, condition)
      if (distinct.size === CONDITIONS_MAX) return [...distinct.values()]
    }
  }
  return [...distinct.values()]
}

/** Operators stand behind the index of their place in the list: `/0/$gt`. Literals and null have none. */
function nameOperator({ at, operator }: FilterTest): string {
  const [, , written] = at.split('/')
  if (written !== undefined) return written
  return at === '' && operator !== 'oneOf' ? operator : 'literals'
}

const KINDS: Readonly<Record<FeatureKind, IndexedKind>> = {
  [FEATURE_KINDS.EQUAL]: 'value',
  [FEATURE_KINDS.PREFIX]: 'prefix',
  [FEATURE_KINDS.SUFFIX]: 'suffix',
  [FEATURE_KINDS.FOLDED]: 'caseless',
  [FEATURE_KINDS.LOWER]: 'caseless',
  [FEATURE_KINDS.PRESENT]: 'presence',
  [FEATURE_KINDS.NUMBER]: 'range',
  [FEATURE_KINDS.INSTANT]: 'range',
  [FEATURE_KINDS.IPV4]: 'range',
  [FEATURE_KINDS.IPV6]: 'range',
  [FEATURE_KINDS.LENGTH]: 'range',
}

const ADVICE = 'Add a condition with a literal, a prefix or a range with two ends.'

function describeBare(filters: readonly ReadFilter[], bonds: readonly IndexedCondition[]): string {
  const bare = filters.flatMap(({ field, tree, root }) => {
    const pointer = findBareAlternative(tree, { pointer: '', root })
    return pointer === undefined ? [] : [`The alternative ${cut(pointer)} of ${field}`]
  })
  const subject = bare[0] ?? 'No condition of the filters'
  const says = bare.length > 0 ? 'does not say what an event must have' : 'says what an event must have'
  const reach = ['names', ...bonds.map(({ pointer }) => (pointer === '/source' ? 'source' : 'account'))]
  const last = reach.pop()
  const scope = reach.length === 0 ? last : `${reach.join(', ')} and ${last}`
  return `${subject} ${says}, so the filters are tried on every event of the dispatcher's ${scope}. ${ADVICE}`
}

/** The pointer of an alternative for which nothing must be there: it spoils those beside it. */
function findBareAlternative(node: FilterNode, place: { pointer: string; root: number }): string | undefined {
  for (const condition of node.conditions) {
    const pointer = place.pointer + condition.at
    const found = findBareIn(condition, { ...place, pointer })
    if (found !== undefined) return found
  }
  return undefined
}

function findBareIn(condition: FilterCondition, place: { pointer: string; root: number }): string | undefined {
  const { pointer, root } = place
  switch (condition.kind) {
    case 'or': {
      const index = condition.nodes.findIndex((each) => isBare(each, root))
      if (index === -1) return undefined
      const at = `${pointer}/${index}`
      return findBareAlternative(condition.nodes[index] as FilterNode, { root, pointer: at }) ?? at
    }
    case 'and': {
      const found = condition.nodes.map((each, index) =>
        findBareAlternative(each, { root, pointer: `${pointer}/${index}` }),
      )
      return found.find((each) => each !== undefined)
    }
    case 'nested':
      return findBareAlternative(condition.node, place)
    case 'property': {
      const test = condition.tests.find((each) => each.operator === 'someOf' && each.operand.length > 1)
      const absence = test?.operator === 'someOf' ? test.operand.find(isAbsenceTest) : undefined
      return absence && pointer + absence.at
    }
    default:
      return undefined
  }
}

function isBare(node: FilterNode, root: number): boolean {
  const paths = new PathTable()
  const { atoms, groups } = readCover(new CoverReader(paths, new FeatureTable(paths)), node, root)
  return atoms.length === 0 && groups.length === 0
}

function describeWeak(atom: Atom, field: FilterField | undefined): string {
  const where = `${cut(atom.pointer + atom.test.at)} of ${field ?? 'payloadFilter'}`
  return `The best condition to look up is ${where}, ${nameWeakness(atom)}: many events may have that. ${ADVICE}`
}

function nameWeakness({ range, hashes }: Atom): string {
  if (range !== undefined) return 'a range with one end'
  return hashes.includes(HASH_PRESENT) ? 'which finds mere presence' : 'which finds a boolean or null'
}

function cut(pointer: string): string {
  return pointer.length <= POINTER_LENGTH_MAX ? pointer : `${pointer.slice(0, POINTER_LENGTH_MAX)}…`
}
