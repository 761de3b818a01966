import type { ProblemCode } from '@signalbox/api-contract'
import { isStorageUnavailable } from '@signalbox/db'
import { type ErrorCode, SignalboxError } from '@signalbox/domain'
import { problem, type ProblemAnswer } from '../route.js'

/** When to come back after 503: Postgres restarts in seconds. */
const RETRY_AFTER_SECONDS = 2

interface ErrorAnswer {
  code: ProblemCode
  detail: string
  /** Whether the same request may go well a moment later. */
  isPassing: boolean
}

/** What the client is told of each error that has a name. */
const ANSWERS: Record<ErrorCode, ErrorAnswer> = {
  storage_unavailable: {
    code: 'storage_unavailable',
    detail: 'Storage can not be reached now: try again',
    isPassing: true,
  },
  overloaded: {
    code: 'overloaded',
    detail: 'Too much is waiting to be stored: nothing of the request was kept',
    isPassing: true,
  },
  account_gone: {
    code: 'storage_unavailable',
    detail: 'An account that an event names was deleted in this moment: nothing of the request was kept, try again',
    isPassing: true,
  },
  integrity: { code: 'internal', detail: 'Something went wrong on our side', isPassing: false },
}

/** Answers for an error; of one that has no name, the client is told nothing. */
export function answerError(error: unknown): ProblemAnswer {
  const { code, detail, isPassing } = ANSWERS[findCode(error)]
  return problem(code, detail, isPassing ? { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } } : {})
}

function findCode(error: unknown): ErrorCode {
  if (error instanceof SignalboxError) return error.code
  return isStorageUnavailable(error) ? 'storage_unavailable' : 'integrity'
}
