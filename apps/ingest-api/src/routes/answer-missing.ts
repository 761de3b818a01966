import { problem, type ProblemAnswer } from '../route.js'

/** Answers for a resource that the environment does not have: 403 when someone else has it, 404 when no one has. */
export async function answerMissing(what: string, isElsewhere: Promise<boolean>): Promise<ProblemAnswer> {
  if (await isElsewhere) return problem('forbidden', `The ${what} belongs to another environment`)
  return problem('not_found', `There is no such ${what}`)
}
