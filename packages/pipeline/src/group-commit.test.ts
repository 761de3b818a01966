import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { createGroupCommit, type GroupCommitOptions, ItemFailure } from './group-commit.js'

/** A writer that is held until the test lets a group go. */
function createHeldWriter<Item>() {
  const groups: { items: Item[]; finish: (results?: unknown[]) => void; fail: (error: Error) => void }[] = []
  const run = (items: Item[]): Promise<unknown[]> =>
    new Promise((resolve, reject) => {
      groups.push({ items, finish: (results = items) => resolve(results), fail: reject })
    })
  return { groups, run }
}

function create<Item>(options: Partial<GroupCommitOptions<Item, unknown>> = {}) {
  const writer = createHeldWriter<Item>()
  const commit = createGroupCommit<Item, unknown>({
    weightMax: 3,
    inFlightMax: 1,
    waitingMax: 1_000,
    run: writer.run,
    ...options,
  })
  return { commit, groups: writer.groups }
}

/** Lets everything run that is ready to. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await turn()
}

describe('createGroupCommit', () => {
  test('one item alone is written at once', async () => {
    const { commit, groups } = create<string>()
    const added = commit.add('a')
    await settle()
    groups[0]?.finish(['A'])
    expect(await added).toBe('A')
    expect(groups.map((group) => group.items)).toEqual([['a']])
  })

  test('a group is what arrived while the one before was written, up to the greatest weight, in order', async () => {
    const { commit, groups } = create<string>()
    const added = [commit.add('a')]
    await settle()
    for (const item of ['b', 'c', 'd', 'e']) added.push(commit.add(item))
    await settle()
    expect(groups).toHaveLength(1)
    groups[0]?.finish()
    await settle()
    expect(groups[1]?.items).toEqual(['b', 'c', 'd'])
    groups[1]?.finish()
    await settle()
    expect(groups[2]?.items).toEqual(['e'])
    groups[2]?.finish()
    expect(await Promise.all(added)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('a group that is not full waits for more, a full one for nothing', async () => {
    const { commit, groups } = create<string>({ lingerMs: 2_000_000 })
    for (const item of ['a', 'b']) void commit.add(item)
    await settle()
    expect(groups).toHaveLength(0)
    for (const item of ['c', 'd', 'e', 'f', 'g']) void commit.add(item)
    await settle()
    expect(groups.map((group) => group.items)).toEqual([['a', 'b', 'c']])
    groups[0]?.finish()
    await settle()
    expect(groups[1]?.items).toEqual(['d', 'e', 'f'])
    groups[1]?.finish()
    await settle()
    // One is left; its time is not over when others come and fill its group.
    expect(groups).toHaveLength(2)
    for (const item of ['h', 'i']) void commit.add(item)
    await settle()
    expect(groups[2]?.items).toEqual(['g', 'h', 'i'])
  })

  test('a group that does not fill is written when its wait is over', async () => {
    const { commit, groups } = create<string>({ lingerMs: 10 })
    const added = commit.add('a')
    while (groups.length === 0) await turn()
    groups[0]?.finish(['A'])
    expect(await added).toBe('A')
  })

  test('no more groups are in flight than allowed', async () => {
    const { commit, groups } = create<number>({ weightMax: 1, inFlightMax: 2 })
    const added = [1, 2, 3, 4].map((item) => commit.add(item))
    await settle()
    expect(groups).toHaveLength(2)
    groups[1]?.finish()
    await settle()
    expect(groups).toHaveLength(3)
    for (let index = 0; index < 4; index++) {
      await settle()
      groups[index]?.finish()
    }
    expect(await Promise.all(added)).toEqual([1, 2, 3, 4])
  })

  test('weights count, not items; a single item may weigh more than a group may', async () => {
    const { commit, groups } = create<number>({ weigh: (item) => item })
    const added = [2, 1, 1, 9, 1].map((item) => commit.add(item))
    for (let index = 0; index < 4; index++) {
      await settle()
      groups[index]?.finish()
    }
    await Promise.all(added)
    expect(groups.map((group) => group.items)).toEqual([[2, 1], [1], [9], [1]])
  })

  test('two items with one key never stand in one group, and keep their order', async () => {
    const { commit, groups } = create<string>({ weightMax: 10, keysOf: (item) => item.split('') })
    const added = ['ab', 'bc', 'c', 'd', 'a'].map((item) => commit.add(item))
    for (let index = 0; index < 3; index++) {
      await settle()
      groups[index]?.finish()
    }
    expect(await Promise.all(added)).toEqual(['ab', 'bc', 'c', 'd', 'a'])
    // `c` shares a key with `bc`, which had to wait: it waits behind it.
    expect(groups.map((group) => group.items)).toEqual([['ab', 'd'], ['a', 'bc'], ['c']])
  })

  test('what a group throws is the failure of its items alone', async () => {
    const { commit, groups } = create<string>({ weightMax: 2 })
    const outcomes = Promise.allSettled(['a', 'b', 'c'].map((item) => commit.add(item)))
    await settle()
    groups[0]?.fail(new Error('broken'))
    await settle()
    groups[1]?.finish()
    const reason = new Error('broken')
    expect(await outcomes).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
      { status: 'fulfilled', value: 'c' },
    ])
  })

  test('one item may fail alone', async () => {
    const { commit, groups } = create<string>()
    const outcomes = Promise.allSettled(['a', 'b', 'c'].map((item) => commit.add(item)))
    await settle()
    groups[0]?.finish(['A', new ItemFailure(new Error('bad b')), 'C'])
    expect(await outcomes).toEqual([
      { status: 'fulfilled', value: 'A' },
      { status: 'rejected', reason: new Error('bad b') },
      { status: 'fulfilled', value: 'C' },
    ])
  })

  test('over the bound of what waits, items are refused; below it they are taken again', async () => {
    const { commit, groups } = create<number>({ weightMax: 2, waitingMax: 4, weigh: (item) => item })
    const first = commit.add(2)
    await settle()
    const waiting = [commit.add(2), commit.add(2)]
    await expect(commit.add(1)).rejects.toMatchObject({ code: 'overloaded' })
    groups[0]?.finish()
    await settle()
    waiting.push(commit.add(1))
    for (let index = 1; index < 4; index++) {
      await settle()
      groups[index]?.finish()
    }
    expect(await Promise.all([first, ...waiting])).toEqual([2, 2, 2, 1])
  })

  test('an item above the bound is taken when nothing else waits', async () => {
    const { commit, groups } = create<number>({ waitingMax: 4, weigh: (item) => item })
    const added = commit.add(100)
    await settle()
    groups[0]?.finish()
    expect(await added).toBe(100)
  })

  test('drain resolves when nothing waits and nothing is in flight, also after failures', async () => {
    const { commit, groups } = create<string>({ weightMax: 1 })
    await commit.drain()
    const outcomes = Promise.allSettled([commit.add('a'), commit.add('b')])
    let isDrained = false
    const drained = commit.drain().then(() => (isDrained = true))
    await settle()
    groups[0]?.fail(new Error('broken'))
    await settle()
    expect(isDrained).toBe(false)
    groups[1]?.finish()
    await drained
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled'])
  })

  test('an item is refused when too many wait behind its own key, and others are taken as before', async () => {
    const { commit, groups } = create<string>({ keysOf: (item) => item.split(''), keyWaitingMax: 2 })
    const added = ['a', 'a', 'ab'].map((item) => commit.add(item))
    await expect(commit.add('a')).rejects.toMatchObject({ code: 'overloaded' })
    await expect(commit.add('bca')).rejects.toMatchObject({ code: 'overloaded' })
    added.push(commit.add('b'), commit.add('c'))
    for (let index = 0; index < 4; index++) {
      await settle()
      groups[index]?.finish()
    }
    await Promise.all(added)
    // What was refused has left no trace: `c` goes with the first.
    expect(groups.map((group) => group.items)).toEqual([['a', 'c'], ['a'], ['ab'], ['b']])
    const again = commit.add('a')
    await settle()
    groups[4]?.finish()
    expect(await again).toBe('a')
  })

  test('an item whose keys repeat does not wait for itself', async () => {
    const { commit, groups } = create<string>({ keysOf: (item) => item.split('') })
    const added = commit.add('aa')
    await settle()
    groups[0]?.finish()
    expect(await added).toBe('aa')
  })

  test('one owner has no more than its share of what may wait, in weight and in bytes', async () => {
    const { commit, groups } = create<string>({
      weightMax: 100,
      waitingMax: 8,
      waitingBytesMax: 80,
      ownerOf: (item) => item.charAt(0),
      bytesOf: (item) => item.length,
    })
    const added = ['a1', 'a2'].map((item) => commit.add(item))
    await expect(commit.add('a3')).rejects.toMatchObject({ code: 'overloaded' })
    // A single one is taken however large it is, when nothing else of its owner waits.
    added.push(commit.add(`b${'x'.repeat(29)}`), commit.add('c1'))
    await expect(commit.add('b')).rejects.toMatchObject({ code: 'overloaded' })
    added.push(commit.add(`d${'x'.repeat(41)}`))
    // All together have 78 bytes now.
    await expect(commit.add('eee')).rejects.toMatchObject({ code: 'overloaded' })
    added.push(commit.add('ee'))
    await settle()
    groups[0]?.finish()
    await Promise.all(added)
    added.push(commit.add('a3'), commit.add('eee'))
    await settle()
    groups[1]?.finish()
    expect(await Promise.all(added)).toHaveLength(8)
  })

  test('a group holds no more bytes than it may, but for one item alone', async () => {
    const { commit, groups } = create<string>({ weightMax: 100, groupBytesMax: 4, bytesOf: (item) => item.length })
    const added = ['aa', 'bb', 'c', 'dddddd', 'e'].map((item) => commit.add(item))
    for (let index = 0; index < 4; index++) {
      await settle()
      groups[index]?.finish()
    }
    await Promise.all(added)
    expect(groups.map((group) => group.items)).toEqual([['aa', 'bb'], ['c'], ['dddddd'], ['e']])
  })

  test('what waits for its key costs the groups of others nothing', async () => {
    let asked = 0
    const keysOf = (item: string): string[] => {
      asked += 1
      return [item]
    }
    const { commit, groups } = create<string>({ weightMax: 1, keysOf })
    const added = Array.from({ length: 50 }, () => commit.add('a'))
    for (let index = 0; index < 50; index++) {
      await settle()
      groups[index]?.finish()
    }
    await Promise.all(added)
    expect(asked).toBe(50)
  })
})
