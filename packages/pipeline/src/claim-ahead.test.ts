import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createClaimAhead } from './claim-ahead.js'

const WAIT_MS = 500

beforeEach(() => {
  jest.useFakeTimers()
})

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

/** Enters, and notes in `entered` when it may claim. */
function enter(
  { ahead, entered }: { ahead: ReturnType<typeof createClaimAhead>; entered: string[] },
  name: string,
  key = 'endpoint',
): void {
  void ahead.enter(key, 200).then(() => entered.push(name))
}

function createGate() {
  return { ahead: createClaimAhead(), entered: [] as string[] }
}

describe('createClaimAhead', () => {
  test('two jobs claim at once, the third when enough of what is claimed has its place', async () => {
    const gate = createGate()
    for (const name of ['one', 'two', 'three']) enter(gate, name)
    await jest.advanceTimersByTimeAsync(0)
    expect(gate.entered).toEqual(['one', 'two'])
    gate.ahead.leave('endpoint', 1)
    await jest.advanceTimersByTimeAsync(0)
    expect(gate.entered).toEqual(['one', 'two', 'three'])
  })

  test('of two that wait, one comes in for the room of one, in order', async () => {
    const gate = createGate()
    for (const name of ['one', 'two', 'three', 'four']) enter(gate, name)
    gate.ahead.leave('endpoint', 1)
    gate.ahead.leave('endpoint', 1)
    await jest.advanceTimersByTimeAsync(0)
    expect(gate.entered).toEqual(['one', 'two', 'three'])
    gate.ahead.leave('endpoint', 200)
    await jest.advanceTimersByTimeAsync(0)
    expect(gate.entered).toEqual(['one', 'two', 'three', 'four'])
  })

  test('a job claims after a while also when nothing moves', async () => {
    const gate = createGate()
    for (const name of ['one', 'two', 'three']) enter(gate, name)
    await jest.advanceTimersByTimeAsync(WAIT_MS - 1)
    expect(gate.entered).toHaveLength(2)
    await jest.advanceTimersByTimeAsync(1)
    expect(gate.entered).toEqual(['one', 'two', 'three'])
  })

  test('one endpoint does not hold up another', async () => {
    const gate = createGate()
    for (const name of ['one', 'two']) enter(gate, name)
    enter(gate, 'other', 'other endpoint')
    await jest.advanceTimersByTimeAsync(0)
    expect(gate.entered).toEqual(['one', 'two', 'other'])
  })

  test('what has left leaves the whole room behind', async () => {
    const gate = createGate()
    for (const name of ['one', 'two']) enter(gate, name)
    gate.ahead.leave('endpoint', 400)
    gate.ahead.leave('endpoint', 0)
    for (const name of ['three', 'four']) enter(gate, name)
    await jest.advanceTimersByTimeAsync(0)
    expect(gate.entered).toEqual(['one', 'two', 'three', 'four'])
  })
})
