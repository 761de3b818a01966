import type { DispatchTarget } from '@signalbox/domain'
import type { Lane, Lanes, Place } from './lanes.js'

const WAIT_STEP_MS = 50

/** Exchanges with a large body at one time: what bounds memory when every event has the largest size. */
const LARGE_AT_ONCE_MAX = 32

/**
 * No organization takes more than half of a process, nor at any time more places than are free: whoever comes next finds some,
 * though others have receivers that never answer. Of two such organizations each comes to have a third, of ten each an eleventh.
 */
const ORGANIZATION_SHARE = 0.5

/** The lanes that a dispatcher's deliveries belong to; `large` are those of deliveries with a large body. */
export interface TargetLanes {
  usual: Lane[]
  large: Lane[]
}

/** Lists a target's lanes: its endpoint's, its environment's, its organization's and the process's. */
export function listLanes(
  deps: { lanes: Lanes; inFlightMax: number },
  target: DispatchTarget,
  organizationId: string,
): TargetLanes {
  const all = { key: 'all', placesMax: deps.inFlightMax }
  const usual = [
    deps.lanes.get(target.laneKey, target.concurrency),
    deps.lanes.get(`environment ${target.environmentId}`, target.deliveriesInFlightMax),
    deps.lanes.get(`organization ${organizationId}`, shareOf(all.placesMax), all),
    deps.lanes.get(all.key, all.placesMax),
  ]
  const allLarge = { key: 'large', placesMax: LARGE_AT_ONCE_MAX }
  const large = [
    deps.lanes.get(`large ${organizationId}`, shareOf(allLarge.placesMax), allLarge),
    deps.lanes.get(allLarge.key, allLarge.placesMax),
  ]
  return { usual, large: [...usual, ...large] }
}

function shareOf(places: number): number {
  return Math.max(1, Math.floor(places * ORGANIZATION_SHARE))
}

/** Picks the lane in which a newcomer would wait longest. */
export function pickSlowest([first, ...others]: Lane[]): Lane {
  return others.reduce(
    (slowest, lane) => (lane.expectWaitMs() > slowest.expectWaitMs() ? lane : slowest),
    first as Lane,
  )
}

/**
 * Finds a place in every lane, all until one deadline (`performance.now()`); undefined when one has none in time. The
 * lanes come in one order for all, so that no two deliveries wait for each other. `count`: deliveries that look for a place one after
 * another, of which this is the first.
 */
export async function findPlace(lanes: Lane[], deadline: number, count: number): Promise<Place | undefined> {
  const places: Place[] = []
  const leave = (): void => {
    for (const place of places) place.leave()
  }
  for (const lane of lanes) {
    const place = lane.tryEnter() ?? (await waitFor(lane, deadline, count))
    if (place === undefined) {
      leave()
      return undefined
    }
    places.push(place)
  }
  return { leave }
}

// Whole steps: timers of one length are cheap, and waits are long.
async function waitFor(lane: Lane, deadline: number, count: number): Promise<Place | undefined> {
  const waitMs = deadline - performance.now()
  return waitMs <= 0 ? undefined : lane.enter(Math.ceil(waitMs / WAIT_STEP_MS) * WAIT_STEP_MS, count)
}
