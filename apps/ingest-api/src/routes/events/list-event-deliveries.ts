import {
  eventDeliveriesQuerySchema,
  eventDeliveriesSchema,
  eventParamsSchema,
  type MatchExplanation,
  PAGE_LIMIT_MAX,
  writeCursor,
} from '@signalbox/api-contract'
import type { StoredEventRecord } from '@signalbox/db'
import type { Environment, TenantScope } from '@signalbox/domain'
import type { ApiDeps } from '../../api-deps.js'
import { answerEventMiss } from '../../events/answer-event-miss.js'
import { explainCandidates } from '../../events/explain-rule.js'
import { readBeforeId } from '../../events/read-before-id.js'
import { defineRoute, type ProblemAnswer } from '../../route.js'
import { findOwnDispatcher } from '../webhook-endpoints/find-own-dispatcher.js'

/** Lists what became of an event. */
export const listEventDeliveries = defineRoute({
  method: 'GET',
  path: '/api/v1/events/:id/deliveries',
  operationId: 'listEventDeliveries',
  summary: 'List the deliveries of an event, with their attempts',
  description:
    'A page ends after some 4 MiB of attempts, also before its limit. With `explain=true` also `candidates`: for dispatchers ' +
    `of the environment as it is now (newest first, ${PAGE_LIMIT_MAX} at a time: \`nextCandidatesCursor\` leads on) ` +
    'whether each takes the event, if not, the first condition that fails, and if it would and did not, a note why. ' +
    '`dispatcherId` or `endpointId` narrow both to one.',
  tags: ['Events'],
  access: 'secret',
  params: eventParamsSchema,
  query: eventDeliveriesQuerySchema,
  responses: { 200: { description: 'one page, newest first', schema: eventDeliveriesSchema } },
  problems: ['not_found'],
  async handle({ environment, params, query }, deps) {
    const position = readBeforeId(query.cursor)
    if ('problem' in position) return position
    const candidatesPosition = readBeforeId(query.candidatesCursor, 'candidatesCursor')
    if ('problem' in candidatesPosition) return candidatesPosition
    const event = await deps.events.findEvent(environment, params.id)
    if (event === undefined) return answerEventMiss(deps, environment, params.id)
    const one = await findOne(deps, environment, query)
    if ('problem' in one) return one
    const { limit } = query
    const page = await deps.events.listEventDeliveries(environment, event.recordId, { ...position, ...one, limit })
    const nextCursor = page.nextBeforeId === undefined ? null : writeCursor(page.nextBeforeId)
    const { state, deliverAt, cancelledAt, matchedCount, fanoutLimited } = event
    const place = { state, deliverAt, cancelledAt, matchedCount, fanoutLimited }
    const answer = { event: place, data: page.items, nextCursor }
    if (!query.explain) return { status: 200, body: answer }
    const explained = await explain(deps, environment, { event, ...one, ...candidatesPosition })
    return { status: 200, body: { ...answer, ...explained } }
  },
})

/** The one dispatcher that is asked for, if any. */
async function findOne(
  deps: ApiDeps,
  environment: Environment,
  { dispatcherId, endpointId }: { dispatcherId?: string | undefined; endpointId?: string | undefined },
): Promise<{ dispatcherId: string | undefined } | ProblemAnswer> {
  if (endpointId === undefined) return { dispatcherId }
  const found = await findOwnDispatcher(deps, environment, endpointId)
  return 'problem' in found ? found : { dispatcherId: found.dispatcher.id }
}

interface Explained {
  event: StoredEventRecord
  beforeId: string | undefined
  dispatcherId: string | undefined
}

async function explain(
  { events }: ApiDeps,
  scope: TenantScope,
  { event, beforeId, dispatcherId }: Explained,
): Promise<{ candidates: MatchExplanation[]; nextCandidatesCursor: string | null }> {
  const page = await events.findDispatchersToExplain(scope, event.recordId, {
    beforeId,
    dispatcherId,
    limit: PAGE_LIMIT_MAX,
  })
  return {
    candidates: explainCandidates(page.items, event, new Date()),
    nextCandidatesCursor: page.nextBeforeId === undefined ? null : writeCursor(page.nextBeforeId),
  }
}
