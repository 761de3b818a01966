import { setTimeout } from 'node:timers/promises'
import type { UndeliveredEvent } from '@signalbox/domain'
import type { MatcherCache } from './matcher-cache.js'
import type { RuleSet } from './rule-set.js'

/** The events of one run that are still to be delivered, each with the rules of its environment. */
export interface EventGroup {
  /** Small sets first: whoever wants few deliveries does not wait for a neighbour's thousands. */
  list(): GroupedEvent[]
  /** Takes an event out. */
  settle(eventRecordId: string): void
  /**
   * Waits a moment for rules that are not as new as their events. True when there are events that can be delivered now.
   * Those whose rules can't be had are taken out: the outbox has them.
   */
  waitForRules(): Promise<boolean>
  /** What is left of each environment, with the version that it waits for. */
  listLeft(): { set: RuleSet; version: string; events: UndeliveredEvent[] }[]
  /** Gives the sets back. */
  release(): void
}

/** An event with the rules of its environment. */
export interface GroupedEvent {
  event: UndeliveredEvent
  set: RuleSet
}

/**
 * A change of a few dispatchers and the load of a small set take milliseconds: a run waits for them in its place, counted
 * from when they began. What takes longer has its events parked, and from then on those of later runs at once.
 */
const RULES_WAIT_MS_MAX = 250

interface Member {
  readonly set: RuleSet
  readonly events: Map<string, UndeliveredEvent>
  /** The newest that any of its events needs. */
  version: string
  catchingUp: Promise<boolean> | undefined
}

/** Takes the sets of all events into use, and begins to bring up to date those that have to be. */
export function createEventGroup(matchers: MatcherCache, events: readonly UndeliveredEvent[]): EventGroup {
  const members = gather(matchers, events)
  const byEvent = new Map<string, Member>()
  for (const member of members) for (const id of member.events.keys()) byEvent.set(id, member)

  const catchUp = (member: Member): Promise<boolean> => {
    member.catchingUp ??= member.set.catchUp(member.version).finally(() => (member.catchingUp = undefined))
    return member.catchingUp
  }
  const waitFor = async (member: Member, signal: AbortSignal): Promise<boolean> => {
    const caughtUp = catchUp(member)
    const waitedMs = performance.now() - (member.set.workingSince ?? performance.now())
    if (waitedMs >= RULES_WAIT_MS_MAX) return false
    const isThere = await Promise.race([caughtUp, setTimeout(RULES_WAIT_MS_MAX - waitedMs, undefined, { signal })])
    if (isThere === false) member.events.clear()
    return isThere === true
  }
  for (const member of members) if (!member.set.serves(member.version)) void catchUp(member)

  return {
    list: () =>
      members
        .toSorted((a, b) => a.set.matcher.size - b.set.matcher.size)
        .flatMap(({ set, events: left }) => [...left.values()].map((event) => ({ event, set }))),
    settle: (id) => void byEvent.get(id)?.events.delete(id),
    waitForRules: async () => {
      const left = members.filter((member) => member.events.size > 0)
      const timers = new AbortController()
      const waits = left.map((member) => waitFor(member, timers.signal).catch(() => false))
      const isAnyThere = (await Promise.all(waits)).includes(true)
      timers.abort()
      return isAnyThere
    },
    listLeft: () =>
      members.flatMap(({ set, version, events: left }) =>
        left.size === 0 ? [] : [{ set, version, events: [...left.values()] }],
      ),
    release: () => {
      for (const { set } of members) matchers.release(set)
    },
  }
}

function gather(matchers: MatcherCache, events: readonly UndeliveredEvent[]): Member[] {
  const members = new Map<string, Member>()
  for (const event of events) {
    const { organizationId, environmentId, dispatcherSetVersion: version } = event
    let member = members.get(environmentId)
    if (member === undefined) {
      const set = matchers.take({ organizationId, environmentId })
      member = { set, events: new Map(), version, catchingUp: undefined }
      members.set(environmentId, member)
    }
    if (BigInt(version) > BigInt(member.version)) member.version = version
    member.events.set(event.eventRecordId, event)
  }
  return [...members.values()]
}
