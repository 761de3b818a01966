import { expect, test } from '@jest/globals'
import { PROBLEMS } from '@signalbox/api-contract'
import { type ErrorCode, SignalboxError } from '@signalbox/domain'
import { answerError } from './answer-error.js'

/** Every name, with its status. */
const STATUSES: Record<ErrorCode, number> = {
  storage_unavailable: 503,
  overloaded: 503,
  account_gone: 503,
  integrity: 500,
}

test.each(Object.entries(STATUSES) as [ErrorCode, number][])(
  '%s is answered %i, with its own words',
  (code, status) => {
    const answer = answerError(new SignalboxError(code, 'secret', { cause: new Error('secret') }))
    expect(PROBLEMS[answer.problem].status).toBe(status)
    expect(answer.headers?.['retry-after']).toBe(status === 503 ? '2' : undefined)
    expect(JSON.stringify(answer)).not.toContain('secret')
  },
)

test('an account that is gone is not storage that can not be reached', () => {
  expect(answerError(new SignalboxError('account_gone', '')).detail).toMatch(/account .* was deleted .* try again/)
})

test('of an error without a name nothing is told, unless it says that Postgres is away', () => {
  expect(answerError(new TypeError('secret'))).toEqual(answerError(new SignalboxError('integrity', '')))
  expect(answerError('secret')).toEqual(answerError(new SignalboxError('integrity', '')))
  const away = Object.assign(new Error('secret'), { code: 'ECONNREFUSED' })
  expect(answerError(away)).toEqual(answerError(new SignalboxError('storage_unavailable', '')))
})
