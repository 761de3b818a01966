import type { Bucket } from './bucket.js'
import type { Atom } from './filter-cover.js'

/** A way in which filters of a bucket are looked up: by these features together, and by a range besides. */
export interface Signature {
  readonly id: number
  readonly bucket: Bucket
  /** In ascending order. */
  readonly features: readonly number[]
  /** A feature of ranges; -1 without. */
  readonly range: number
  readonly seed: number
  /** The path without which no event has any of its keys; -1 when there is none. */
  readonly gate: number
  /** Filters and lists of ranges under it. */
  nodes: number
  /** Where it stands among all of its bucket, and among those of its gate. */
  place: number
  gatePlace: number
}

/** Takes a signature out of a list; the last one of it takes the place, for there may be very many. */
export function takeOut(list: Signature[], signature: Signature, place: 'place' | 'gatePlace'): void {
  const last = list.pop() as Signature
  if (last === signature) return
  list[signature[place]] = last
  last[place] = signature[place]
}

/** The features of atoms, in ascending order. */
export function featuresOf(atoms: readonly Atom[]): number[] {
  if (atoms.length === 1) return [(atoms[0] as Atom).feature]
  return atoms.map(({ feature }) => feature).toSorted((a, b) => a - b)
}

/** A key that is equal for signatures of equal features and range. */
export function keyOf(features: readonly number[], range: number): string | number {
  if (features.length === 1 && range === -1) return features[0] as number
  return `${features.join()}|${range}`
}
