import { eventParamsSchema, replayBodySchema, replaySchema } from '@signalbox/api-contract'
import type { StoredEventRecord } from '@signalbox/db'
import type { Environment } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import { answerEventMiss } from '../../events/answer-event-miss.js'
import { type Chosen, chooseMatching } from '../../events/choose-matching.js'
import { type Answer, defineRoute, problem, type ProblemAnswer } from '../../route.js'
import { answerMissing } from '../answer-missing.js'
import { findOwnDispatcher } from '../webhook-endpoints/find-own-dispatcher.js'

/** Delivers an event again. */
export const replayEvent = defineRoute({
  method: 'POST',
  path: '/api/v1/events/:id/replay',
  operationId: 'replayEvent',
  summary: 'Deliver an event again',
  description:
    'To all dispatchers that match it now, or to one. The event keeps its id; a delivery that had ended is started ' +
    'over, and the numbers of its attempts go on. One that is still on its way stays as it is. Like an event that is sent, ' +
    'it goes to so many dispatchers as the fan-out of the environment allows, the first by their ids. Every unknown key is ' +
    'refused: ignored, it would mean all of them.',
  tags: ['Events'],
  access: 'secret',
  params: eventParamsSchema,
  body: replayBodySchema,
  isBodyOptional: true,
  responses: { 200: { description: 'the deliveries', schema: replaySchema } },
  problems: ['not_found', 'conflict', 'filter_too_expensive'],
  async handle({ environment, params, body }, deps) {
    const event = await deps.events.findEvent(environment, params.id)
    if (event === undefined) return answerEventMiss(deps, environment, params.id)
    if (event.state === 'cancelled') return problem('conflict', 'The event is cancelled: it is never delivered')
    if (event.state === 'pending' || event.state === 'scheduled') {
      return problem('conflict', 'The event is not delivered yet: there is nothing to replay')
    }
    const chosen = await choose(deps, environment, { event, ...body })
    if ('problem' in chosen) return chosen
    return replay(deps, { environment, event, ...chosen })
  },
})

type Choice = Chosen | ProblemAnswer

interface Wish {
  event: StoredEventRecord
  dispatcherId?: string | undefined
  endpointId?: string | undefined
}

async function choose(
  deps: ApiDeps,
  environment: Environment,
  { event, dispatcherId, endpointId }: Wish,
): Promise<Choice> {
  if (dispatcherId !== undefined) return await chooseOne(deps, environment, dispatcherId)
  if (endpointId === undefined) return await chooseMatching(deps.events, environment, event)
  const found = await findOwnDispatcher(deps, environment, endpointId)
  return 'problem' in found ? found : await chooseOne(deps, environment, found.dispatcher.id)
}

async function chooseOne(deps: ApiDeps, environment: Environment, dispatcherId: string): Promise<Choice> {
  const { events, dispatchers, misses } = deps
  switch (await events.findReplayTarget(environment, dispatcherId)) {
    case 'ready':
      return { dispatcherIds: [dispatcherId], fanoutLimited: 0 }
    case 'disabled':
      return problem('conflict', 'The dispatcher is disabled')
    case 'once':
      return problem('conflict', 'The dispatcher takes one event only: nothing is replayed to it')
    case 'missing':
      return answerMissing({ misses, environment }, 'dispatcher', () =>
        dispatchers.isDispatcherElsewhere(environment, dispatcherId),
      )
  }
}

interface Replay extends Chosen {
  environment: Environment
  event: StoredEventRecord
}

async function replay(deps: ApiDeps, { environment, event, dispatcherIds, fanoutLimited }: Replay): Promise<Answer> {
  const deliveries = await deps.events.replayEvent(environment, event.recordId, dispatcherIds)
  const { organizationId } = environment
  const due = deliveries
    .filter((delivery) => delivery.isReplayed)
    .map(({ id, dispatcherId, attemptCount }) => ({ organizationId, dispatcherId, deliveryId: id, attemptCount }))
  if (due.length > 0) {
    // Nobody waits for it: the scheduler finds what could not be announced.
    deps.publishDispatch(due).catch((error: unknown) => {
      deps.logger.warn('delivery.publish_failed', { error, count: due.length })
    })
  }
  const answers = deliveries.map(({ id, dispatcherId, isReplayed }) => ({ id, dispatcherId, replayed: isReplayed }))
  return { status: 200, body: { id: event.eventId, deliveries: answers, fanoutLimited } }
}
