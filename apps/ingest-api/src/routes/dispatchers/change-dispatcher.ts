import type { DispatcherChange } from '@signalbox/db'
import type { Environment } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import type { Answer } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { refuseDispatcher } from './refuse-dispatcher.js'
import { showDispatcherInFull } from './show-dispatcher.js'

/** Changes a dispatcher and answers with it, or says why not. */
export async function changeDispatcher(
  { dispatchers, misses }: Pick<ApiDeps, 'dispatchers' | 'misses'>,
  { environment, id }: { environment: Environment; id: string },
  change: DispatcherChange,
): Promise<Answer> {
  const outcome = await dispatchers.updateDispatcher(environment, id, change)
  if (outcome.ok) return { status: 200, body: showDispatcherInFull(outcome.dispatcher) }
  if (outcome.code !== 'missing') return refuseDispatcher(outcome.code)
  return await answerMissing({ misses, environment }, 'dispatcher', () =>
    dispatchers.isDispatcherElsewhere(environment, id),
  )
}
