import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createLanes, type Place } from './lanes.js'

let now = 0

beforeEach(() => {
  now = 0
  jest.useFakeTimers()
})

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

/** Moves both clocks on, and lets promises settle. */
async function pass(ms: number): Promise<void> {
  now += ms
  await jest.advanceTimersByTimeAsync(ms)
}

function createTestLanes() {
  return createLanes(
    () => now,
    (act) => act(),
  )
}

async function enterAll(lanes: ReturnType<typeof createTestLanes>, key: string, count: number): Promise<Place[]> {
  const places = await Promise.all(Array.from({ length: count }, () => lanes.get(key, count).enter(0)))
  return places.map((place) => place as Place)
}

describe('createLanes', () => {
  test('gives as many places as a lane has, and the next when one leaves', async () => {
    const lanes = createTestLanes()
    const [first] = await enterAll(lanes, 'a', 2)
    let third: Place | undefined
    void lanes
      .get('a', 2)
      .enter(1_000)
      .then((place) => (third = place))
    await pass(1)
    expect(third).toBeUndefined()
    first?.leave()
    await pass(0)
    expect(third).toBeDefined()
    expect(lanes.countBusy()).toBe(2)
  })

  test('who waits longest is served first', async () => {
    const lanes = createTestLanes()
    const [first] = await enterAll(lanes, 'a', 1)
    const served: string[] = []
    const wait = (name: string) =>
      lanes
        .get('a', 1)
        .enter(1_000)
        .then((place) => {
          served.push(name)
          place?.leave()
        })
    const waiting = [wait('one'), wait('two'), wait('three')]
    first?.leave()
    await Promise.all(waiting)
    expect(served).toEqual(['one', 'two', 'three'])
  })

  test('who finds no place in time gets none, and takes none from others', async () => {
    const lanes = createTestLanes()
    const [first] = await enterAll(lanes, 'a', 1)
    const late = lanes.get('a', 1).enter(100)
    const patient = lanes.get('a', 1).enter(1_000)
    await pass(100)
    expect(await late).toBeUndefined()
    first?.leave()
    expect(await patient).toBeDefined()
    expect(lanes.countBusy()).toBe(1)
  })

  test('a place is given back once, however often it is left', async () => {
    const lanes = createTestLanes()
    const [first] = await enterAll(lanes, 'a', 1)
    first?.leave()
    first?.leave()
    const [second] = await enterAll(lanes, 'a', 1)
    first?.leave()
    expect(lanes.countBusy()).toBe(1)
    second?.leave()
    expect(lanes.countBusy()).toBe(0)
  })

  test('a full lane costs the others nothing', async () => {
    const lanes = createTestLanes()
    await enterAll(lanes, 'slow', 1)
    const stuck = lanes.get('slow', 1).enter(50)
    expect(await lanes.get('quick', 1).enter(0)).toBeDefined()
    await pass(50)
    expect(await stuck).toBeUndefined()
  })

  test('more places let those in who wait, fewer places let nobody in until there is room', async () => {
    const lanes = createTestLanes()
    const [first, second] = await enterAll(lanes, 'a', 2)
    let isIn = false
    void lanes
      .get('a', 1)
      .enter(1_000)
      .then(() => (isIn = true))
    first?.leave()
    await pass(0)
    expect(isIn).toBe(false)
    second?.leave()
    await pass(0)
    expect(isIn).toBe(true)
  })

  test('a lane that grew lets everyone in for whom there is room now', async () => {
    const lanes = createTestLanes()
    const [first] = await enterAll(lanes, 'a', 1)
    const waiting = [1, 2, 3].map(() => lanes.get('a', 1).enter(1_000))
    lanes.get('a', 2)
    expect(lanes.countBusy()).toBe(2)
    first?.leave()
    lanes.get('a', 3)
    const places = await Promise.all(waiting)
    expect(places.every((place) => place !== undefined)).toBe(true)
    expect(lanes.countBusy()).toBe(3)
  })

  test('the wait that is foreseen grows with what waits and with how long attempts take', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 1)
    expect(lane.expectWaitMs()).toBe(0)
    await lane.enter(0)
    expect(lanes.get('a', 1).expectWaitMs()).toBe(10)
    await pass(4_000)
    expect(lanes.get('a', 1).expectWaitMs()).toBe(4_000)
    const waiting = [1, 2].map(() => lanes.get('a', 1).enter(1_000))
    expect(lanes.get('a', 1).expectWaitMs()).toBe(12_000)
    await pass(1_000)
    expect(await Promise.all(waiting)).toEqual([undefined, undefined])
    expect(lanes.get('a', 1).expectWaitMs()).toBe(5_000)
  })

  test('attempts of a lane that has not been busy for long are taken for quick ones', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 2)
    await enterAll(lanes, 'a', 2)
    lane.announce(999)
    await pass(499)
    expect(lane.expectWaitMs()).toBe(5_000)
    await pass(1)
    expect(lane.expectWaitMs()).toBe(250_000)
  })

  test('a moment in which all attempts are late makes a lane that is quick no slow one', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 10)
    lane.announce(3_000)
    for (let round = 0; round < 100; round += 1) {
      const places = await enterAll(lanes, 'a', 10)
      await pass(10)
      for (const place of places) place.leave()
    }
    await enterAll(lanes, 'a', 10)
    await pass(100)
    // The oldest has been under way for ten times as long as the others were, which alone would say half a minute.
    expect(lane.expectWaitMs()).toBeGreaterThan(3_000)
    expect(lane.expectWaitMs()).toBeLessThan(3_900)
    await pass(2_000)
    expect(lane.expectWaitMs()).toBeGreaterThan(300_000)
  })

  test('a lane that had little to do is measured by how long its attempts took', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 10)
    lane.announce(1)
    for (let round = 0; round < 20; round += 1) {
      const [place, ...others] = await enterAll(lanes, 'a', 10)
      for (const other of others) other.leave()
      await pass(20)
      place?.leave()
      await pass(980)
    }
    lane.announce(1_999)
    expect(lane.expectWaitMs()).toBeLessThan(5_000)
  })

  test('a lane with few places is called slow with little ahead, though its attempts are no slow ones', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 1)
    lane.announce(20)
    for (let round = 0; round < 5; round += 1) {
      const [place] = await enterAll(lanes, 'a', 1)
      await pass(400)
      place?.leave()
    }
    await enterAll(lanes, 'a', 1)
    expect(lane.expectWaitMs()).toBeGreaterThan(3_000)
  })

  test('those who are announced count as those who wait, until they are taken back', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 2)
    await enterAll(lanes, 'a', 2)
    await pass(1_000)
    lane.announce(5)
    expect(lane.expectWaitMs()).toBe(3_000)
    lane.announce(-5)
    expect(lane.expectWaitMs()).toBe(500)
  })

  test('who waits for many counts as many, until it has its place or gives up', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 2)
    const [first] = await enterAll(lanes, 'a', 2)
    await pass(1_000)
    const served = lane.enter(10_000, 50)
    const late = lane.enter(1_000, 7)
    expect(lane.expectWaitMs()).toBe(29_000)
    await pass(1_000)
    expect(await late).toBeUndefined()
    expect(lane.expectWaitMs()).toBe(51_000)
    first?.leave()
    expect(await served).toBeDefined()
    expect(lane.expectWaitMs()).toBe(1_000)
  })

  test('a lane to which nobody comes after all is forgotten, and counts anew', () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 1)
    lane.announce(3)
    lane.announce(-3)
    expect(lane.expectWaitMs()).toBe(0)
    expect(lane.tryEnter()).toBeDefined()
    expect(lanes.get('a', 1).tryEnter()).toBeUndefined()
    expect(lanes.countBusy()).toBe(1)
  })

  test('attempts that were long let newcomers expect a long wait also before the next one is old', async () => {
    const lanes = createTestLanes()
    const first = await lanes.get('a', 1).enter(0)
    const second = lanes.get('a', 1).enter(20_000)
    await pass(10_000)
    first?.leave()
    await second
    expect(lanes.get('a', 1).expectWaitMs()).toBeGreaterThanOrEqual(1_000)
  })
})

test('places that come free in one turn are taken together in the next, by those who wait first', async () => {
  const turns: (() => void)[] = []
  const lane = createLanes(
    () => now,
    (act) => turns.push(act),
  ).get('a', 3)
  const places = await Promise.all([1, 2, 3].map(() => lane.enter(0)))
  const served: number[] = []
  const waiting = [1, 2, 3].map((n) => lane.enter(1_000).then((place) => (served.push(n), place)))
  places[0]?.leave()
  places[1]?.leave()
  expect(lane.tryEnter()).toBeUndefined()
  await pass(0)
  expect(served).toEqual([])
  expect(turns).toHaveLength(1)
  turns.shift()?.()
  await pass(0)
  expect(served).toEqual([1, 2])
  expect(lane.tryEnter()).toBeUndefined()
  places[2]?.leave()
  turns.shift()?.()
  expect(await waiting[2]).toBeDefined()
})

test('who gives up in the turn in which a place came free gets it, and an idle lane is forgotten', async () => {
  const turns: (() => void)[] = []
  const lanes = createLanes(
    () => now,
    (act) => turns.push(act),
  )
  const lane = lanes.get('a', 1)
  const first = await lane.enter(0)
  const second = lane.enter(10)
  first?.leave()
  await pass(10)
  const place = await second
  expect(place).toBeDefined()
  turns.shift()?.()
  place?.leave()
  expect([lanes.countBusy(), lane.expectWaitMs()]).toEqual([0, 0])
})

describe('admission', () => {
  test('takes all of a job that a lane can place in time, also while nothing is known of it, but waits less then', async () => {
    const lanes = createTestLanes()
    const lane = lanes.get('a', 50)
    expect(lane.admit(200, true)).toEqual({ take: 200, waitMs: 500 })
    lane.announce(1)
    for (let round = 0; round < 10; round += 1) {
      const places = await enterAll(lanes, 'a', 50)
      await pass(100)
      for (const place of places) place.leave()
    }
    expect(lane.admit(200, true)).toEqual({ take: 200, waitMs: 1_500 })
  })

  test.each([
    // Places, all held, milliseconds of an attempt, and what is taken of 200: what comes free in a moment.
    [1, 450, 0],
    [1, 90, 1],
    [5, 600, 0],
    [50, 3_000, 1],
  ])('of a full lane with %i places and attempts of %i ms it takes %i of 200, for a moment', async (...row) => {
    const [placesMax, ms, take] = row
    const lanes = createTestLanes()
    const lane = lanes.get('a', placesMax)
    const places = await enterAll(lanes, 'a', placesMax)
    for (let round = 0; round < 60; round += 1) {
      await pass(ms)
      lane.announce(1)
      for (const place of places.splice(0)) place.leave()
      places.push(...(await enterAll(lanes, 'a', placesMax)))
      lane.announce(-1)
    }
    expect(lane.admit(200, true)).toEqual({ take, waitMs: 200 })
    expect(lane.admit(200, false).take).toBeGreaterThanOrEqual(Math.floor((1_500 / ms) * placesMax))
  })
})

describe('booking', () => {
  test('what is put off gets turns one after another, at three times the pace of the lane', async () => {
    let nowMs = 0
    const lane = createLanes(() => nowMs).get('slow', 10)
    const places = await Promise.all(Array.from({ length: 10 }, () => lane.enter(1_000)))
    expect(places).not.toContain(undefined)
    nowMs = 2_000
    // Ten places, two seconds an attempt so far: ten deliveries take two seconds, 150 take 30.
    const [first, ...others] = lane.planTurns(90)
    expect(first?.count).toBe(10)
    const start = first?.delayMs ?? 0
    // Twice as many each time.
    expect(others).toEqual([
      { count: 10, delayMs: start + 2_000 / 3 },
      { count: 20, delayMs: start + 4_000 / 3 },
      { count: 40, delayMs: start + 8_000 / 3 },
      { count: 10, delayMs: start + 16_000 / 3 },
    ])
    lane.book(150)
    expect(lane.planTurns(1)[0]?.delayMs).toBeCloseTo(start + 10_000)
    lane.book(150)
    expect(lane.planTurns(1)[0]?.delayMs).toBeCloseTo(start + 20_000)
  })

  test('a lane that has time gives a turn at once', () => {
    const lane = createLanes(() => 0).get('free', 5)
    expect(lane.planTurns(50)).toEqual([{ count: 50, delayMs: 0 }])
    expect(lane.planTurns(760).map(({ count }) => count)).toEqual([750, 10])
  })
})

test('nothing is booked more than five minutes ahead', async () => {
  const lane = createTestLanes().get('a', 1)
  await lane.enter(0)
  await pass(20_000)
  lane.book(1_000)
  expect(lane.planTurns(1)[0]?.delayMs).toBe(300_000)
})

describe('a lane that is held across a wait', () => {
  test('stays one lane: places are counted together, and bookings follow what is under way', async () => {
    let nowMs = 0
    const lanes = createLanes(() => nowMs)
    const held = lanes.get('a', 2)
    await Promise.resolve()
    const first = await lanes.get('a', 2).enter(0)
    expect(held.tryEnter()).toBeDefined()
    expect(held.tryEnter()).toBeUndefined()
    expect(lanes.get('a', 2).tryEnter()).toBeUndefined()
    nowMs = 1_000
    expect(held.expectWaitMs()).toBe(500)
    held.book(30)
    first?.leave()
    expect(lanes.countBusy()).toBe(1)
    expect(lanes.get('a', 2).planTurns(1)[0]?.delayMs).toBeGreaterThan(4_000)
  })

  test('a lane that fell idle and was made again does not lose its places when an old one is left', async () => {
    const lanes = createLanes(() => 0)
    const held = lanes.get('a', 1)
    const first = held.tryEnter()
    first?.leave()
    const second = held.tryEnter()
    first?.leave()
    expect(lanes.get('a', 1).tryEnter()).toBeUndefined()
    second?.leave()
    expect(lanes.get('a', 1).tryEnter()).toBeDefined()
  })
})
