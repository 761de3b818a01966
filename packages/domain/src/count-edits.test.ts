import { expect, test } from '@jest/globals'
import { countEdits } from './count-edits.js'

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['filter', 'filter', 0],
  ['filter', 'fliter', 2],
  ['filter', 'filters', 1],
  ['kitten', 'sitting', 3],
])('from %j to %j it is %i edits, and back', (a, b, edits) => {
  expect([countEdits(a, b), countEdits(b, a)]).toEqual([edits, edits])
})
