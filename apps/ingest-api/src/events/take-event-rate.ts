import type { Environment } from '@signalbox/domain'
import type { ApiDeps } from '../api-deps.js'
import { problem, type ProblemAnswer } from '../route.js'

/** Takes the room for some events from the environment's rate; gives headers to be sent, or the refusal. */
export function takeEventRate(
  { eventRates }: ApiDeps,
  { environmentId, limits }: Environment,
  count: number,
): { headers: Record<string, string> | undefined } | ProblemAnswer {
  const perSecond = limits.eventsPerSecondMax
  if (perSecond === 0) return { headers: undefined }
  const decision = eventRates.take(environmentId, count, { capacity: perSecond, perSecond })
  const headers = {
    'x-ratelimit-limit': String(decision.limit),
    'x-ratelimit-remaining': String(decision.remaining),
    'x-ratelimit-reset': String(Math.ceil(Date.now() + decision.fullInMs)),
  }
  if (decision.isAllowed) return { headers }
  const retryAfter = String(Math.max(1, Math.ceil(decision.waitMs / 1000)))
  const detail = `The environment takes ${perSecond} events per second`
  return problem('rate_limited', detail, { headers: { ...headers, 'retry-after': retryAfter } })
}
