import { describe, expect, test } from '@jest/globals'
import { createEventMatcher, isJsonObject, type DispatcherRule, type Json } from '@signalbox/domain'
import { createWorkload, WORKLOAD_NOW } from './workload.js'

const SEED = 1

function makeRules(seed: number, count: number): DispatcherRule[] {
  const workload = createWorkload(seed, count)
  return Array.from({ length: count }, (_, number) => workload.makeRule(number))
}

/** A filter without its literals: what filters of one shape have in common. */
function describeShape(value: Json): Json {
  if (Array.isArray(value))
    return value.every((item) => typeof item !== 'object') ? ['literals'] : value.map(describeShape)
  if (!isJsonObject(value)) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, describeShape(below)]))
}

describe('the workload', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(makeRules(SEED, 300)).toEqual(makeRules(SEED, 300))
    expect(makeRules(SEED + 1, 300)).not.toEqual(makeRules(SEED, 300))
    const [one, two] = [createWorkload(SEED, 300).makeEvent(7), createWorkload(SEED, 300).makeEvent(7)]
    expect(one.readPayload()).toEqual(two.readPayload())
  })

  test('is the same on every machine', () => {
    const { id, payloadFilter, eventNames, source } = createWorkload(SEED, 1_000).makeRule(5)
    expect({ id, payloadFilter, eventNames, source }).toMatchInlineSnapshot(`
{
  "eventNames": [
    "order.shipped",
  ],
  "id": "019b76da-bb08-735f-8876-6d69cf2bda35",
  "payloadFilter": {
    "currency": [
      "GBP",
    ],
    "orderId": [
      "ord_16epz860000m",
    ],
  },
  "source": "marketplace",
}
`)
  })

  test('has ids of UUIDv7, no two the same, in no order', () => {
    const ids = makeRules(SEED, 5_000).map(({ id }) => id)
    expect(new Set(ids).size).toBe(5_000)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    const ascents = ids.filter((id, index) => id > (ids[index - 1] ?? '')).length
    expect(ascents / ids.length).toBeGreaterThan(0.3)
    expect(ascents / ids.length).toBeLessThan(0.7)
  })

  test('has some hundred shapes of filters', () => {
    const shapes = new Set(
      makeRules(SEED, 20_000).map(({ payloadFilter, contextFilter }) =>
        JSON.stringify([describeShape(payloadFilter), describeShape(contextFilter)]),
      ),
    )
    expect(shapes.size).toBeGreaterThan(100)
    expect(shapes.size).toBeLessThan(150)
  })

  test('has events of about 1 KB', () => {
    const { makeEvent } = createWorkload(SEED, 1_000)
    const sizes = Array.from({ length: 100 }, (_, number) => JSON.stringify(makeEvent(number).readPayload()).length)
    const mean = sizes.reduce((sum, size) => sum + size) / sizes.length
    expect(mean).toBeGreaterThan(800)
    expect(mean).toBeLessThan(1_200)
  })

  test.each([100, 1_000, 10_000])('matches 3 to 7 dispatchers per event with %d rules', (count) => {
    const matcher = createEventMatcher(makeRules(SEED, count))
    const { makeEvent } = createWorkload(SEED, count)
    const events = 500
    for (let number = 0; number < events; number += 1) matcher.match(makeEvent(number), WORKLOAD_NOW)
    const perEvent = matcher.stats().matches / events
    expect(perEvent).toBeGreaterThan(3)
    expect(perEvent).toBeLessThan(7)
  })
})
