import type { ProblemCode } from '@signalbox/api-contract'
import { problem, type ProblemAnswer } from '../route.js'

/** Refuses a body because of one of its values; `code` says what is wrong with it, and is the problem's own unless given. */
export function refuseField(
  problemCode: ProblemCode,
  fault: { pointer: string; message: string; code?: string },
): ProblemAnswer {
  const { pointer, message, code = problemCode } = fault
  return problem(problemCode, `${pointer}: ${message}`, { errors: [{ pointer, code, message }] })
}

/** Refuses another dispatcher where there are as many as there may be. */
export function refuseDispatcherLimit(): ProblemAnswer {
  return problem('limit_exceeded', 'The environment has as many dispatchers as it may have (dispatchersMax)')
}

/** Refuses an account that is unknown where unknown accounts are refused. */
export function refuseUnknownAccount(): ProblemAnswer {
  const message = 'There is no such account, and the environment refuses unknown accounts'
  return refuseField('unknown_account', { pointer: '/accountId', message })
}
