import { setImmediate } from 'node:timers/promises'
import { beforeEach, expect, test } from '@jest/globals'
import type { EventRef } from '@signalbox/domain'
import { createParkedEvents, type ParkedEvents } from './parked-events.js'
import type { RuleSet } from './rule-set.js'

let parked: ParkedEvents
let resumed: string[][] = []
let held: RuleSet[] = []
let resume: (refs: EventRef[]) => Promise<unknown>

beforeEach(() => {
  resumed = []
  held = []
  resume = async (refs) => void resumed.push(refs.map((ref) => ref.eventRecordId))
  parked = createParkedEvents({
    resume: (refs) => resume(refs),
    hold: (set) => void held.push(set),
    release: (set) => void held.splice(held.indexOf(set), 1),
  })
})

/** A set whose rules are there when the test says so. */
function makeSet() {
  const asked: { version: string; answer: (isThere: boolean) => void }[] = []
  const set = {
    catchUp: (version: string) =>
      new Promise<boolean>((resolve) => {
        asked.push({ version, answer: resolve })
      }),
  } as unknown as RuleSet
  return { set, asked, answer: (isThere: boolean) => asked.shift()?.answer(isThere) }
}

function refs(count: number, start = 0): EventRef[] {
  return Array.from({ length: count }, (_, index) => ({ organizationId: 'o', eventRecordId: String(start + index) }))
}

/** Lets everything go on that waits for nothing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
}

test('events wait until their rules are there, and their set stays in memory for so long', async () => {
  const { set, answer } = makeSet()
  parked.park(set, '1', refs(3))
  // What comes again from the scheduler is the same.
  parked.park(set, '1', refs(4))
  await settle()
  expect([parked.countWaiting(), held, resumed]).toEqual([4, [set], []])
  answer(true)
  await settle()
  expect([parked.countWaiting(), held, resumed]).toEqual([0, [], [['0', '1', '2', '3']]])
})

test('when the rules can not be had, they are left to the outbox', async () => {
  const { set, answer } = makeSet()
  parked.park(set, '1', refs(3))
  answer(false)
  await settle()
  expect([parked.countWaiting(), held, resumed]).toEqual([0, [], []])
})

test('a run that fails leaves its events to the outbox, and goes on with others', async () => {
  const [one, other] = [makeSet(), makeSet()]
  parked.park(one.set, '1', refs(1))
  parked.park(other.set, '1', refs(1, 10))
  const deliver = resume
  resume = async (some) => {
    if (some[0]?.eventRecordId === '0') throw new Error('gone')
    await deliver(some)
  }
  one.answer(true)
  other.answer(true)
  await settle()
  expect([parked.countWaiting(), held, resumed]).toEqual([0, [], [['10']]])
})

test('sets take turns, some hundred events at a time', async () => {
  const [many, few] = [makeSet(), makeSet()]
  parked.park(many.set, '1', refs(1_200))
  parked.park(few.set, '1', refs(1, 5_000))
  many.answer(true)
  few.answer(true)
  await settle()
  many.answer(true)
  await settle()
  many.answer(true)
  await settle()
  expect(resumed.map((some) => some.length)).toEqual([500, 1, 500, 200])
})

test('events that are parked again wait for the rules again: nothing runs round and round', async () => {
  const { set, asked, answer } = makeSet()
  parked.park(set, '1', refs(1))
  let runs = 0
  resume = async (some) => {
    runs += 1
    if (runs === 1) parked.park(set, '2', some)
  }
  answer(true)
  await settle()
  expect([runs, asked.map(({ version }) => version)]).toEqual([1, ['2']])
  answer(true)
  await settle()
  expect([runs, parked.countWaiting(), held]).toEqual([2, 0, []])
})

test('holds a bounded number of events', async () => {
  const [one, other] = [makeSet(), makeSet()]
  parked.park(one.set, '1', refs(70_000))
  parked.park(other.set, '1', refs(10))
  expect([parked.countWaiting(), held]).toEqual([50_000, [one.set]])
})

test('when it stops, it gives those that wait, and delivers no more', async () => {
  const { set, answer } = makeSet()
  parked.park(set, '1', refs(3))
  expect(await parked.stop()).toEqual(refs(3))
  answer(true)
  await settle()
  expect(resumed).toEqual([])
})
