import { describe, expect, test } from '@jest/globals'
import { createEventMatcher, type EventMatcher } from '@signalbox/domain'
import { createReferenceLoop } from './match-loop.js'
import { createWorkload, WORKLOAD_NOW } from './workload.js'

// Gates on counters and not on time: they say the same on every machine.

const SEED = 1
const RULES = 20_000
const CANDIDATES_PER_MATCH_MAX = 3
const PROBES_PER_EVENT_MAX = 60
/** Events by which a matcher learns, before any is counted. */
const WARM_UP_EVENTS = 2_000
const COUNTED_EVENTS = 2_000
const COMPARED_EVENTS = 150
const RULES_PER_MAINTENANCE = 1_000
const MAINTENANCES_MAX = 10_000
/** It takes some seconds where nothing else runs. */
const TIMEOUT_MS = 240_000

const workload = createWorkload(SEED, RULES)

function fillMatcher(): EventMatcher {
  const matcher = createEventMatcher()
  for (let number = 0; number < RULES; number += 1) matcher.add(workload.makeRule(number))
  for (let number = 0; number < WARM_UP_EVENTS; number += 1) matcher.match(workload.makeEvent(number), WORKLOAD_NOW)
  let pieces = 0
  while (matcher.maintain(RULES_PER_MAINTENANCE)) {
    pieces += 1
    if (pieces > MAINTENANCES_MAX) throw new Error('There is no end of the maintenance')
  }
  return matcher
}

describe('the matcher on the mixed workload', () => {
  test(
    'tries few filters and looks few keys up, and answers as the loop does',
    () => {
      const matcher = fillMatcher()
      const before = matcher.stats()
      for (let number = WARM_UP_EVENTS; number < WARM_UP_EVENTS + COUNTED_EVENTS; number += 1) {
        matcher.match(workload.makeEvent(number), WORKLOAD_NOW)
      }
      const after = matcher.stats()
      const events = after.events - before.events
      const matches = after.matches - before.matches
      expect(events).toBe(COUNTED_EVENTS)
      // With other numbers of matches, the candidates for each would say something else.
      expect(matches / events).toBeGreaterThan(3)
      expect(matches / events).toBeLessThan(7)
      expect((after.candidates - before.candidates) / matches).toBeLessThan(CANDIDATES_PER_MATCH_MAX)
      expect((after.probes - before.probes) / events).toBeLessThan(PROBES_PER_EVENT_MAX)

      const loop = createReferenceLoop()
      for (let number = 0; number < RULES; number += 1) loop.add(workload.makeRule(number))
      for (let number = 0; number < COMPARED_EVENTS; number += 1) {
        const event = workload.makeEvent(number)
        expect(matcher.match(event, WORKLOAD_NOW).dispatcherIds).toEqual(loop.match(event, WORKLOAD_NOW))
      }
    },
    TIMEOUT_MS,
  )
})
