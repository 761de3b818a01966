import { describe, expect, test } from '@jest/globals'
import { createOptimisticInsert, type InsertMode } from './optimistic-insert.js'

const known = Object.assign(new Error('duplicate key'), { code: '23505' })

/** A step that tells its modes, and finds a row that is there already as often as said. */
function createStep(knownTimes: number) {
  const modes: InsertMode[] = []
  const step = async (mode: InsertMode): Promise<InsertMode> => {
    modes.push(mode)
    if (mode === 'new' && knownTimes-- > 0) throw known
    return mode
  }
  return { modes, step }
}

describe('createOptimisticInsert', () => {
  test('rows are new until one is not; then the step comes again, and those after it are careful for a while', async () => {
    const inserting = createOptimisticInsert()
    const { modes, step } = createStep(1)
    expect(await inserting.run(step)).toBe('maybe_known')
    expect(modes).toEqual(['new', 'maybe_known'])
    for (let times = 0; times < 100; times += 1) expect(await inserting.run(step)).toBe('maybe_known')
    expect(await inserting.run(step)).toBe('new')
  })

  test.each([
    ['a row that refers to nothing', Object.assign(new Error('no'), { code: '23503' })],
    ['another error', new Error('away')],
  ])('%s passes', async (_name, error) => {
    let calls = 0
    const run = createOptimisticInsert().run(() => {
      calls += 1
      return Promise.reject(error)
    })
    await expect(run).rejects.toBe(error)
    expect(calls).toBe(1)
  })

  test('what fails the second time is not tried a third time', async () => {
    let calls = 0
    const run = createOptimisticInsert().run(async () => {
      calls += 1
      throw known
    })
    await expect(run).rejects.toBe(known)
    expect(calls).toBe(2)
  })
})
