import { expect, test } from '@jest/globals'
import type { DispatchTarget } from '@signalbox/domain'
import { findPlace, listLanes } from './find-place.js'
import { createLanes, type Lane, type Place } from './lanes.js'

const IN_FLIGHT_MAX = 1_000
const JOB_DELIVERIES = 200
const NOT_AT_ALL = -Infinity

function createProcess() {
  const lanes = createLanes(() => 0)
  let endpoints = 0
  /** The lanes of one more endpoint of an organization, and of an environment with it alone. */
  const listForJob = (organization: string): Lane[] => {
    endpoints += 1
    const target = {
      laneKey: `endpoint ${endpoints}`,
      concurrency: JOB_DELIVERIES,
      environmentId: `of ${endpoints}`,
      deliveriesInFlightMax: JOB_DELIVERIES,
    } as DispatchTarget
    return listLanes({ lanes, inFlightMax: IN_FLIGHT_MAX }, target, organization).usual
  }
  /** Takes places for job after job, until a whole job gets none. */
  const takeAll = async (organization: string): Promise<Place[]> => {
    const places: Place[] = []
    for (;;) {
      const taken = await takeForJob(listForJob(organization))
      if (taken.length === 0) return places
      places.push(...taken)
    }
  }
  return { listForJob, takeAll }
}

async function takeForJob(lanes: Lane[]): Promise<Place[]> {
  const places: Place[] = []
  while (places.length < JOB_DELIVERIES) {
    const place = await findPlace(lanes, NOT_AT_ALL, 1)
    if (place === undefined) break
    places.push(place)
  }
  return places
}

test('who comes finds places, also after several organizations that took all that they could', async () => {
  const { takeAll } = createProcess()
  const taken: number[] = []
  for (let number = 0; number < 8; number += 1) taken.push((await takeAll(`o${number}`)).length)
  expect(taken).toEqual([500, 250, 125, 63, 31, 16, 8, 4])
})

test('also after several that looked for places at the same moment', async () => {
  const { listForJob, takeAll } = createProcess()
  const jobs = ['a', 'b', 'c', 'd', 'e'].flatMap((name) => [name, name, name]).map(listForJob)
  const places = await Promise.all(jobs.map(takeForJob))
  expect(places.flat().length).toBeGreaterThan(800)
  expect((await takeAll('late')).length).toBeGreaterThan(80)
})

test('organizations that take all that they can come to have equal shares as places come free', async () => {
  const { takeAll } = createProcess()
  const held = new Map<string, Place[]>([
    ['a', await takeAll('a')],
    ['b', []],
  ])
  for (let turn = 0; turn < 200; turn += 1) {
    for (const [organization, places] of held) {
      for (const place of places.splice(0, 10)) place.leave()
      places.push(...(await takeAll(organization)))
    }
  }
  for (const places of held.values()) {
    expect(places.length).toBeGreaterThan(IN_FLIGHT_MAX * 0.32)
    expect(places.length).toBeLessThan(IN_FLIGHT_MAX * 0.35)
  }
})

test('who waits because others took much gets a place when they leave theirs', async () => {
  const { listForJob, takeAll } = createProcess()
  const others = [...(await takeAll('a')), ...(await takeAll('b')), ...(await takeAll('c'))]
  const own = await takeAll('d')
  const waiting = findPlace(listForJob('d'), performance.now() + 60_000, 1)
  others[0]?.leave()
  others[1]?.leave()
  const place = await waiting
  expect(place).toBeDefined()
  for (const one of [...own, ...others]) one.leave()
  expect(await takeAll('d')).toHaveLength(IN_FLIGHT_MAX / 2 - 1)
})
