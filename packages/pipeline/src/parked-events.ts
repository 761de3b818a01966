import type { EventRef } from '@signalbox/domain'
import type { RuleSet } from './rule-set.js'

/** Events that wait in this process until the rules that they need are there. */
export interface ParkedEvents {
  /** Keeps events until their set is at this version; gives how many. What there is no room for is left to the outbox. */
  park(set: RuleSet, version: string, refs: EventRef[]): number
  /** Those that are being delivered count too. */
  countWaiting(): number
  /** Delivers no more; gives the events that wait. */
  stop(): Promise<EventRef[]>
}

/** What parking needs. */
export interface ParkedEventsDeps {
  /** Delivers events whose rules are there. */
  resume: (refs: EventRef[]) => Promise<unknown>
  /** Keeps a set in memory while events wait for it. */
  hold: (set: RuleSet) => void
  release: (set: RuleSet) => void
  onFailed?: (error: unknown, count: number) => void
}

/** Ids of so many events take some 20 MB. */
const PARKED_MAX = 50_000

/** Events that are delivered in one go: as many as a queue job has. */
const RESUMED_AT_ONCE = 500

/**
 * Creates the parking place. It is memory only, and nothing depends on it: the events stand in the outbox, and the scheduler
 * publishes them again as long as they do. Then they are parked here once more (the same ids take no more room), or at
 * another worker, which loads the rules as well; whoever is ready first delivers, and the other finds nothing to do. What
 * comes again from the scheduler, some seconds after the last time at the earliest, is one query each time.
 */
export function createParkedEvents(deps: ParkedEventsDeps): ParkedEvents {
  const parked = new Map<RuleSet, Parked>()
  const ready: RuleSet[] = []
  let resuming: Promise<void> | undefined
  let underWay = 0
  let isStopped = false

  const countWaiting = (): number => [...parked.values()].reduce((sum, { refs }) => sum + refs.size, underWay)
  const drop = (set: RuleSet): void => {
    parked.delete(set)
    deps.release(set)
  }
  const awaitRules = async (set: RuleSet, { version }: Parked): Promise<void> => {
    if (!(await set.catchUp(version))) return drop(set)
    ready.push(set)
    if (!isStopped) resuming ??= resume()
  }
  const resume = async (): Promise<void> => {
    for (let set = ready.shift(); set !== undefined && !isStopped; set = ready.shift()) {
      const place = parked.get(set)
      const refs = [...(place?.refs.values() ?? [])].slice(0, RESUMED_AT_ONCE)
      for (const { eventRecordId } of refs) place?.refs.delete(eventRecordId)
      underWay = refs.length
      await deps.resume(refs).catch((error: unknown) => deps.onFailed?.(error, refs.length))
      underWay = 0
      // Sets take turns: one with many events does not keep those with few. Some may have been parked anew meanwhile.
      if (place !== undefined && place.refs.size > 0) void awaitRules(set, place)
      else drop(set)
    }
    resuming = undefined
  }
  return {
    park: (set, version, refs) => {
      const free = Math.max(0, PARKED_MAX - countWaiting())
      if (isStopped || free === 0) return 0
      const known = parked.get(set)
      const place = known ?? { refs: new Map<string, EventRef>(), version }
      if (BigInt(version) > BigInt(place.version)) place.version = version
      const kept = refs.slice(0, free)
      for (const ref of kept) place.refs.set(ref.eventRecordId, ref)
      if (known === undefined) {
        parked.set(set, place)
        deps.hold(set)
        void awaitRules(set, place)
      }
      return kept.length
    },
    countWaiting,
    stop: async () => {
      isStopped = true
      await resuming
      return [...parked.values()].flatMap(({ refs }) => [...refs.values()])
    },
  }
}

interface Parked {
  refs: Map<string, EventRef>
  /** The newest that any of them needs. */
  version: string
}
