import type { Atom, Cover } from './filter-cover.js'

/** Hashes of one atom at most: more would cost more memory than they save time. */
export const HASHES_MAX = 256

/** Alternatives that all ask one feature for hashes are one atom. */
export function mergeBranches(branches: readonly Cover[]): Atom | undefined {
  const [first] = branches
  const atom = first?.atoms[0]
  if (atom === undefined || atom.range !== undefined || atom.strays > 0) return undefined
  const isMergeable = branches.every(
    ({ atoms, groups }) =>
      groups.length === 0 && atoms.length === 1 && atoms[0]?.feature === atom.feature && atoms[0].strays === 0,
  )
  if (!isMergeable) return undefined
  const [, ...others] = branches.flatMap(({ atoms }) => atoms)
  const hashes = [...new Set(branches.flatMap(({ atoms }) => atoms[0]?.hashes ?? []))]
  return hashes.length > HASHES_MAX ? undefined : { ...atom, hashes, others }
}

/** Ranges of one feature in which one and the same number must lie are one. */
export function intersectRanges(atoms: readonly Atom[]): Atom[] {
  const kept: Atom[] = []
  for (const atom of atoms) {
    const index = atom.range === undefined ? -1 : kept.findIndex(({ feature }) => feature === atom.feature)
    const other = kept[index]
    if (atom.range === undefined || other?.range === undefined) {
      kept.push(atom)
      continue
    }
    const range = { low: Math.max(atom.range.low, other.range.low), high: Math.min(atom.range.high, other.range.high) }
    kept[index] = { ...other, range, others: [...(other.others ?? []), atom] }
  }
  return kept
}
