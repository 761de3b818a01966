import type { Prisma, PrismaClient } from './generated/client.js'
import { retryConflict } from './retry-conflict.js'

/** How a business step ended: done, or refused for a reason that was to be expected. */
export type Outcome = { readonly ok: boolean }

/**
 * Runs a business step in one transaction that is rolled back when its outcome is a refusal, so that nothing of what
 * was refused is stored; once more after a deadlock.
 */
export async function runOutcome<T extends Outcome>(
  prisma: PrismaClient,
  step: (tx: Prisma.TransactionClient) => Promise<T>,
): Promise<T> {
  try {
    return await runTransaction(prisma, async (tx) => {
      const outcome = await step(tx)
      if (!outcome.ok) throw new RefusedError(outcome)
      return outcome
    })
  } catch (error) {
    if (error instanceof RefusedError) return error.outcome as T
    throw error
  }
}

/** Runs a business step that is never refused in one transaction; once more after a deadlock. */
export async function runTransaction<T>(
  prisma: PrismaClient,
  step: (tx: Prisma.TransactionClient) => Promise<T>,
): Promise<T> {
  return await retryConflict(() => prisma.$transaction(step))
}

/** Whether an error is Postgres' refusal of a second row with the same unique key. */
export function isUniqueViolation(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'P2002'
}

class RefusedError extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('refused')
    this.outcome = outcome
  }
}
