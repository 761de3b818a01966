import { expect, test } from '@jest/globals'
import { createHeapWatch } from './create-heap-watch.js'

const MIB = 1024 * 1024

test('the heap is held tight while rules take much memory, and is not set anew at each swing around the bound', () => {
  const set: number[] = []
  let bytes = 0
  const watch = createHeapWatch({ readBytes: () => bytes, setGrowth: (percent) => void set.push(percent) })
  for (const megabytes of [10, 47, 49, 300, 47, 49, 41, 49, 39, 47, 10, 60]) {
    bytes = megabytes * MIB
    watch.check()
  }
  expect(set).toEqual([25, 0, 25])
})
