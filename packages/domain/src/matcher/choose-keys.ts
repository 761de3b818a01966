import type { Atom, Cover } from './filter-cover.js'

/** Under which keys a filter can be found: one for each hash, in one signature. */
export interface KeyChoice {
  /** Of several atoms every one is part of each key. Without any, the one key is that of the whole signature. */
  atoms: readonly Atom[]
  /** The range in which a number of the event must lie besides. */
  range: Atom | undefined
}

/** What choosing asks of the bucket that the filter comes into. */
export interface KeyMarket {
  /** The share of events, about, that have what an atom asks for. */
  estimateShare(atom: Atom): number
  hasSignature(atoms: readonly Atom[], range: Atom | undefined): boolean
  /** Signatures that there are. */
  readonly signatureCount: number
  /** The most filters, counted up to a limit, that one of the keys has already. */
  countChain(choice: KeyChoice, max: number): number
  readonly chainMax: number
  readonly rangesMin: number
  readonly signaturesMax: number
}

/** Keys that several conditions make together, at most. */
const CROSS_MAX = 16

/** Conditions in one key, at most. */
const ATOMS_MAX = 3

/** A condition that more events than this fulfil makes a key hardly better. */
const HELPFUL_SHARE = 0.7

/** What a new signature must be better by, once there are several: every event pays for each. */
const CROWDED_FACTOR = 10
const CROWDED_SIGNATURES = 10

/** Sorted ranges cost some look-ups more than a key. */
const RANGE_FACTOR = 3

/**
 * Chooses the keys under which a filter is found: what the fewest events have. Undefined when the cover is empty: nothing
 * that an event must have, so that the filter is tried on each.
 */
export function chooseKeys(cover: Cover, market: KeyMarket): KeyChoice[] | undefined {
  return decide(cover, market)?.choices
}

interface Decision {
  choices: KeyChoice[]
  score: number
}

function decide(cover: Cover, market: KeyMarket): Decision | undefined {
  const single = decideAtom(cover.atoms, market)
  let group: Decision | undefined
  for (const branches of cover.groups) {
    const decided = decideGroup(branches, market)
    if (decided !== undefined && (group === undefined || decided.score < group.score)) group = decided
  }
  if (single === undefined) return group
  return group !== undefined && group.score < single.score ? group : single
}

function decideGroup(branches: readonly Cover[], market: KeyMarket): Decision | undefined {
  const group: Decision = { choices: [], score: 0 }
  for (const branch of branches) {
    const decided = decide(branch, market)
    if (decided === undefined) return undefined
    for (const choice of decided.choices) group.choices.push(choice)
    group.score += decided.score
  }
  return group
}

function decideAtom(atoms: readonly Atom[], market: KeyMarket): Decision | undefined {
  let best: Atom | undefined
  let score = Infinity
  for (const atom of atoms) {
    const next = scoreAtom([], atom, market)
    if (next >= score) continue
    best = atom
    score = next
  }
  if (best === undefined) return undefined
  if (best.range !== undefined) return { choices: [{ atoms: [], range: best }], score }
  return { choices: [extend({ atoms: [best], range: undefined }, atoms, market)], score }
}

/** Takes further conditions into a key that has many filters already. */
function extend(first: KeyChoice, atoms: readonly Atom[], market: KeyMarket): KeyChoice {
  let choice = first
  while (choice.atoms.length < ATOMS_MAX && market.countChain(choice, market.chainMax) >= market.chainMax) {
    const next = findFurther(choice.atoms, atoms, market)
    if (next === undefined) break
    choice = { atoms: [...choice.atoms, next], range: undefined }
  }
  const range = atoms.find((atom) => atom.range !== undefined)
  if (range === undefined || market.estimateShare(range) > HELPFUL_SHARE) return choice
  const ranged = { ...choice, range }
  if (market.hasSignature(choice.atoms, range)) return ranged
  if (market.signatureCount >= market.signaturesMax) return choice
  return market.countChain(choice, market.rangesMin) >= market.rangesMin ? ranged : choice
}

function findFurther(taken: readonly Atom[], atoms: readonly Atom[], market: KeyMarket): Atom | undefined {
  let best: Atom | undefined
  let score = Infinity
  const hashes = taken.reduce((product, atom) => product * atom.hashes.length, 1)
  for (const atom of atoms) {
    if (atom.range !== undefined || taken.some(({ feature }) => feature === atom.feature)) continue
    // Of two arrays every combination would have to be looked up.
    if (atom.isSpread && taken.some(({ isSpread }) => isSpread)) continue
    if (hashes * atom.hashes.length > CROSS_MAX || market.estimateShare(atom) > HELPFUL_SHARE) continue
    const isThere = market.hasSignature([...taken, atom], undefined)
    if (!isThere && market.signatureCount >= market.signaturesMax) continue
    const next = scoreAtom(taken, atom, market)
    if (next >= score) continue
    best = atom
    score = next
  }
  return best
}

function scoreAtom(taken: readonly Atom[], atom: Atom, market: KeyMarket): number {
  const share = market.estimateShare(atom)
  if (atom.range !== undefined) return share * RANGE_FACTOR
  if (market.signatureCount < CROWDED_SIGNATURES || market.hasSignature([...taken, atom], undefined)) return share
  return share * CROWDED_FACTOR
}
