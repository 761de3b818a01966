import type { TenantScope } from '@signalbox/domain'
import type { ApiDeps } from '../api-deps.js'
import { problem, type ProblemAnswer } from '../route.js'

/** Who asked for something that is not theirs. */
export interface Misser {
  misses: ApiDeps['misses']
  environment: TenantScope
}

/**
 * Answers for a resource that the environment does not have: 403 when someone else has it, 404 when no one has. Telling
 * them apart looks through every tenant, so it is done for so many misses of one environment, and no more.
 */
export async function answerMissing(
  { misses, environment }: Misser,
  what: string,
  isElsewhere: () => Promise<boolean>,
): Promise<ProblemAnswer> {
  const waitMs = misses.take(environment)
  if (waitMs > 0) {
    const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)) }
    return problem('rate_limited', 'The environment asked for too much that it does not have', { headers })
  }
  if (await isElsewhere()) return problem('forbidden', `The ${what} belongs to another environment`)
  return problem('not_found', `There is no such ${what}`)
}
