import type { TenantScope } from '@signalbox/domain'
import type { ApiDeps } from '../api-deps.js'
import type { ProblemAnswer } from '../route.js'
import { answerMissing } from '../routes/answer-missing.js'

/** Answers for an event that the caller does not have. */
export function answerEventMiss(
  { events, misses }: Pick<ApiDeps, 'events' | 'misses'>,
  environment: TenantScope,
  eventId: string,
): Promise<ProblemAnswer> {
  return answerMissing({ misses, environment }, 'event', () => events.isEventElsewhere(environment, eventId))
}
