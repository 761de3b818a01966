import type { EventMatcher } from '@signalbox/domain'
import type { Upkeep } from './upkeep.js'

/** Matchers that were given up, and take memory until all their rules are taken out of what they share with others. */
export interface Draining {
  /** What they still hold, without what they share. */
  readonly bytes: number
  readonly rules: number
  add(matcher: EventMatcher): void
}

/** What draining needs. */
export interface DrainingDeps {
  upkeep: Upkeep
  /** Some memory has become free. */
  onFreed: () => void
}

/** Creates it; nothing is being drained. */
export function createDraining({ upkeep, onFreed }: DrainingDeps): Draining {
  const held = new Map<EventMatcher, { bytes: number; rules: number }>()
  let bytes = 0
  let rules = 0
  const count = (matcher: EventMatcher, isThere: boolean): void => {
    const before = held.get(matcher) ?? { bytes: 0, rules: 0 }
    const now = isThere ? { bytes: matcher.stats().bytes, rules: matcher.size } : { bytes: 0, rules: 0 }
    bytes += now.bytes - before.bytes
    rules += now.rules - before.rules
    if (isThere) held.set(matcher, now)
    else held.delete(matcher)
  }
  const drain = (matcher: EventMatcher, rulesMax: number): boolean => {
    let isMoreLeft = false
    try {
      isMoreLeft = matcher.drain(rulesMax)
    } finally {
      // One that can't be drained is nobody's from here on, and what it holds is for the collector.
      count(matcher, isMoreLeft)
      onFreed()
    }
    return isMoreLeft
  }
  return {
    get bytes() {
      return bytes
    },
    get rules() {
      return rules
    },
    add: (matcher) => {
      count(matcher, true)
      upkeep.add(matcher, (rulesMax) => drain(matcher, rulesMax))
    },
  }
}
