import type { TenantScope } from '@signalbox/domain'
import type { ApiDeps } from '../api-deps.js'
import { problem, type ProblemAnswer } from '../route.js'

/** Answers for an event that the caller does not have: 403 when someone else has it, else 404. */
export async function answerEventMiss(
  { events }: ApiDeps,
  scope: TenantScope,
  eventId: string,
): Promise<ProblemAnswer> {
  const isElsewhere = await events.isEventElsewhere(scope, eventId)
  return isElsewhere
    ? problem('forbidden', 'The event belongs to another environment')
    : problem('not_found', 'There is no event with this id')
}
