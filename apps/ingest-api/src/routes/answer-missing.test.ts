import { expect, test } from '@jest/globals'
import { createMissLimiter } from '../auth/create-miss-limiter.js'
import { answerMissing } from './answer-missing.js'

const ENVIRONMENT = { organizationId: 'o', environmentId: 'one' }
const OTHER = { organizationId: 'o', environmentId: 'other' }

test('over so many misses an environment gets 429, and nobody looks for what it asked', async () => {
  const clock = { ms: 0 }
  const misses = createMissLimiter(60, () => clock.ms)
  let looks = 0
  const isElsewhere = async (): Promise<boolean> => (looks += 1) === 1
  const miss = (environment = ENVIRONMENT) => answerMissing({ misses, environment }, 'event', isElsewhere)
  expect(await miss()).toMatchObject({ problem: 'forbidden' })
  for (let count = 1; count < 60; count++) expect(await miss()).toMatchObject({ problem: 'not_found' })
  expect(await miss()).toMatchObject({ problem: 'rate_limited', headers: { 'retry-after': '1' } })
  expect(looks).toBe(60)
  expect(await miss(OTHER)).toMatchObject({ problem: 'not_found' })
  clock.ms += 1_000
  expect(await miss()).toMatchObject({ problem: 'not_found' })
})
