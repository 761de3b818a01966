import { expect, test } from '@jest/globals'
import { createProblemMirror } from './mirror-problems.js'

const problem = (event: string): string => JSON.stringify({ level: 'error', event, error: { message: 'away' } })

test('problems are passed on in short, everything else is not', () => {
  const said: string[] = []
  const mirror = createProblemMirror((line) => said.push(line))
  mirror('scheduler', JSON.stringify({ level: 'info', event: 'run' }))
  mirror('scheduler', problem('run.failed'))
  mirror('scheduler', 'TypeError: x is not a function')
  mirror('scheduler', '    at main.js:1')
  expect(said).toEqual(['scheduler: error run.failed away', 'scheduler: TypeError: x is not a function'])
})

test('a flood of problems is cut off, per app, until a while later', () => {
  const said: string[] = []
  let now = 0
  const mirror = createProblemMirror(
    (line) => said.push(line),
    () => now,
  )
  for (let count = 0; count < 100; count += 1) mirror('scheduler', problem('run.failed'))
  expect(said).toHaveLength(6)
  mirror('ingest-api', problem('accept.failed'))
  expect(said).toHaveLength(7)
  now += 10_000
  mirror('scheduler', problem('run.failed'))
  expect(said).toHaveLength(8)
})
