import { expect, test } from '@jest/globals'
import type { DispatchTarget } from '@signalbox/domain'
import { findPlace, listLanes } from './find-place.js'
import { createLanes, type Lanes, type Place } from './lanes.js'

const IN_FLIGHT_MAX = 1_000

let endpoints = 0

/** Takes places for one organization, each delivery to an endpoint of its own, until it gets none. */
async function takeAll(lanes: Lanes, organization: string): Promise<Place[]> {
  const places: Place[] = []
  for (;;) {
    endpoints += 1
    const target = {
      laneKey: `endpoint ${endpoints}`,
      concurrency: 1,
      environmentId: `of ${endpoints}`,
      deliveriesInFlightMax: 1,
    } as DispatchTarget
    const { usual } = listLanes({ lanes, inFlightMax: IN_FLIGHT_MAX }, target, organization)
    const place = await findPlace(usual, performance.now() - 1, 1)
    if (place === undefined) return places
    places.push(place)
  }
}

test('who comes finds places, also after several organizations that took all that they could', async () => {
  const lanes = createLanes(() => performance.now())
  const taken: number[] = []
  for (let number = 0; number < 8; number += 1) taken.push((await takeAll(lanes, `o${number}`)).length)
  expect(taken).toEqual([500, 250, 125, 63, 31, 16, 8, 4])
})

test('organizations that take all that they can come to have equal shares as places come free', async () => {
  const lanes = createLanes(() => performance.now())
  const held = new Map<string, Place[]>([
    ['a', await takeAll(lanes, 'a')],
    ['b', []],
  ])
  for (let turn = 0; turn < 200; turn += 1) {
    for (const [organization, places] of held) {
      // Receivers time out.
      for (const place of places.splice(0, 10)) place.leave()
      places.push(...(await takeAll(lanes, organization)))
    }
  }
  for (const places of held.values()) {
    expect(places.length).toBeGreaterThan(IN_FLIGHT_MAX * 0.32)
    expect(places.length).toBeLessThan(IN_FLIGHT_MAX * 0.35)
  }
})
