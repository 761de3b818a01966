import type { Json, MatchableEvent, PayloadType } from '@signalbox/domain'

/** An event, and the environment in which it is matched. */
export interface EventOf {
  readonly environment: number
  readonly event: MatchableEvent
}

/** Gives the next so many of what calls are timed with, round and round. */
export type Feed<Item> = (count: number) => Item[]

/**
 * Events that were parsed shortly before they are matched, of which much is still near the processor. All of a group are parsed
 * when it is asked for. A worker gets each payload as text, and parses it when the matcher first asks for it: the event is nearer
 * then than here, and parsing it is a part of matching, which here it is not.
 */
export function createParsingFeed(events: readonly EventOf[]): Feed<EventOf> {
  const texts = events.map(({ event }) => toText(event))
  const next = goRound(events.length)
  return (count) =>
    Array.from({ length: count }, () => {
      const number = next()
      const { environment, event } = events[number] as EventOf
      return { environment, event: parseEvent(texts[number] as string, event) }
    })
}

/** Events that were all parsed at the start: of twenty thousand, each has left the processor's caches when its turn comes again. */
export function createStandingFeed(events: readonly EventOf[]): Feed<EventOf> {
  const next = goRound(events.length)
  return (count) => Array.from({ length: count }, () => events[next()] as EventOf)
}

function goRound(count: number): () => number {
  let next = 0
  return () => {
    const number = next
    next = next + 1 === count ? 0 : next + 1
    return number
  }
}

interface EventRow {
  readonly name: string
  readonly source: string
  readonly externalAccountId: string | null
  readonly payloadType: PayloadType
  readonly payload: Json
  readonly context: Json
}

function toText({ name, source, externalAccountId, payloadType, readPayload, readContext }: MatchableEvent): string {
  const row: EventRow = {
    name,
    source,
    externalAccountId,
    payloadType,
    payload: readPayload(),
    context: readContext(),
  }
  return JSON.stringify(row)
}

function parseEvent(text: string, { readEnvelope }: MatchableEvent): MatchableEvent {
  const { name, source, externalAccountId, payloadType, payload, context } = JSON.parse(text) as EventRow
  return {
    name,
    source,
    externalAccountId,
    payloadType,
    readPayload: () => payload,
    readContext: () => context,
    readEnvelope,
  }
}
