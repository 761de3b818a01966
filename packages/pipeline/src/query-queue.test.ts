import { expect, test } from '@jest/globals'
import { createQueryQueue, QueryQueueStoppedError } from './query-queue.js'

test('runs a few queries at a time, in their order, also behind one that fails', async () => {
  const queue = createQueryQueue(2)
  const begun: number[] = []
  let running = 0
  let runningMax = 0
  const query = (number: number) => async (): Promise<number> => {
    begun.push(number)
    running += 1
    runningMax = Math.max(runningMax, running)
    await new Promise((resolve) => setTimeout(resolve, 2))
    running -= 1
    if (number === 1) throw new Error('failed')
    return number
  }
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((number) => queue.run(query(number))))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  expect([begun, runningMax]).toEqual([[0, 1, 2, 3, 4], 2])
})

test('after the stop runs none, not even those that waited', async () => {
  const queue = createQueryQueue(1)
  let end = (): void => undefined
  const first = queue.run(() => new Promise<void>((resolve) => (end = resolve)))
  const second = queue.run(async () => 'ran')
  await Promise.resolve()
  queue.stop()
  end()
  await first
  await expect(second).rejects.toThrow(QueryQueueStoppedError)
  await expect(queue.run(async () => 'ran')).rejects.toThrow(QueryQueueStoppedError)
})
