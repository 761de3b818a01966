import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestWebhook } from '@signalbox/testkit'
import { type Delivering, openDelivering, type Worker } from './open-delivering.js'

/** Printed in the name of the suite, so that a run that failed can be had again: SEED=… */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)

const STEPS = 150
const NAMES = ['a', 'b', 'c']
const ENTRIES = [['a'], ['b'], ['a', 'c'], ['*'], ['b', 'c']]

let delivering: Delivering

beforeAll(async () => {
  delivering = await openDelivering()
})

afterEach(() => delivering.clear())

afterAll(() => delivering?.close())

/** A dispatcher through time: the names that it takes, from the moment at which its change was committed. */
interface History {
  id: string
  states: { entries: string[]; startedAt: number; committedAt: number }[]
}

/** A clock that counts what happens: later is larger, also within a millisecond. */
function createClock(): () => number {
  let time = 0
  return () => (time += 1)
}

function createRandom(from: number): <Item>(items: readonly Item[]) => Item {
  let state = from
  return (items) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return items[Math.floor((state / 2 ** 32) * items.length)] as (typeof items)[number]
  }
}

describe(`two workers and changes in between (seed ${seed})`, () => {
  test('no event meets a dispatcher in a state older than the one in force when it was accepted', async () => {
    const { accept, create, listReceivers } = delivering
    const workers = [create(), create()]
    const pick = createRandom(seed)
    const tick = createClock()
    const histories: History[] = []
    const running: Promise<void>[] = []
    const wrong: string[] = []
    let delivered = 0

    const send = async (worker: Worker, waitFor: number): Promise<void> => {
      const name = pick(NAMES)
      const acceptedAfter = tick()
      const refs = await accept(1, { name })
      for (let turn = 0; turn < waitFor; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1))
      await worker.deliverAll(refs)
      const endedAt = tick()
      const receivers = new Set(await listReceivers(refs[0]))
      delivered += 1
      for (const history of histories) {
        const allowed = listAllowed(history, name, { acceptedAfter, endedAt })
        if (!allowed.has(receivers.has(history.id))) {
          wrong.push(`${name} ${receivers.has(history.id) ? 'went to' : 'missed'} ${JSON.stringify(history)}`)
        }
      }
    }
    for (let step = 0; step < STEPS; step += 1) {
      // Some steps wait for all that goes on, so that workers are also found at rest.
      const what = pick(['change', 'change', 'send', 'send', 'send', 'send', 'rest'])
      if (what === 'change') running.push(change(histories, pick, tick))
      else if (what === 'send') running.push(send(pick(workers), pick([0, 0, 0, 3])))
      else await Promise.all(running.splice(0))
    }
    await Promise.all(running)
    expect(wrong).toEqual([])
    expect(delivered).toBeGreaterThan(STEPS / 4)
    expect(await delivering.countWaiting()).toBe(0)
    // Sets are followed by their changes, not loaded again and again.
    for (const worker of workers) expect(worker.stats().loads).toBe(1)
    expect(workers.reduce((sum, worker) => sum + worker.stats().refreshes, 0)).toBeGreaterThan(5)
  }, 120_000)
})

/** Whether the event goes there, in every state that it may meet. */
function listAllowed(
  { states }: History,
  name: string,
  { acceptedAfter, endedAt }: { acceptedAfter: number; endedAt: number },
): Set<boolean> {
  const takes = (entries: string[]): boolean => entries.includes('*') || entries.includes(name)
  // The newest that was committed before the event was sent, and all that began before it was delivered.
  const inForce = states.findLastIndex(({ committedAt }) => committedAt < acceptedAfter)
  const met = states.slice(Math.max(0, inForce)).filter(({ startedAt }) => startedAt < endedAt)
  const allowed = new Set(met.map(({ entries }) => takes(entries)))
  if (inForce === -1) allowed.add(false)
  return allowed
}

/** Makes a dispatcher, or changes, disables or deletes one. */
async function change(histories: History[], pick: ReturnType<typeof createRandom>, tick: () => number): Promise<void> {
  const { database, dispatchers, scope } = delivering
  const entries = pick(ENTRIES)
  const what = pick(['make', 'names', 'names', 'disable', 'delete'])
  const startedAt = tick()
  const live = histories.filter((history) => !busy.has(history.id) && (history.states.at(-1)?.entries.length ?? 0) > 0)
  if (what === 'make' || live.length === 0) {
    const { dispatcherId: id } = await createTestWebhook(database, scope(), { eventNames: entries })
    histories.push({ id, states: [{ entries, startedAt, committedAt: tick() }] })
    return
  }
  // One change of a dispatcher at a time, so that their order is known.
  const history = pick(live)
  busy.add(history.id)
  const state = { entries: what === 'names' ? entries : [], startedAt, committedAt: Infinity }
  history.states.push(state)
  if (what === 'names') await dispatchers.updateDispatcher(scope(), history.id, { eventNames: entries })
  else if (what === 'disable') await dispatchers.updateDispatcher(scope(), history.id, { enabled: false })
  else await dispatchers.deleteDispatcher(scope(), history.id)
  state.committedAt = tick()
  busy.delete(history.id)
}

const busy = new Set<string>()
