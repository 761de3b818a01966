import { eventListQuerySchema, eventListSchema, writeCursor } from '@signalbox/api-contract'
import type { StoredEventRecord } from '@signalbox/db'
import { isDeeperThan, type Json } from '@signalbox/domain'
import { readBeforeId } from '../../events/read-before-id.js'
import { toEventAnswer } from '../../events/to-event-answer.js'
import { findFault } from '../../http/parse-json-body.js'
import { defineRoute, problem, type ProblemAnswer } from '../../route.js'

/** Lists events. */
export const listEvents = defineRoute({
  method: 'GET',
  path: '/api/v1/events',
  operationId: 'listEvents',
  summary: 'List events, newest first',
  description:
    'All conditions hold together. One request looks at a bounded number of events, and answers with some 4 MiB at most: ' +
    'a page may be short, even empty, and still have a `nextCursor`. The list is at its end when that is null.',
  tags: ['Events'],
  access: 'secret',
  query: eventListQuerySchema,
  responses: { 200: { description: 'one page', schema: eventListSchema } },
  async handle({ environment, query }, deps) {
    const { cursor, payload, ...conditions } = query
    const position = readBeforeId(cursor)
    if ('problem' in position) return position
    const contained = readContained(payload, environment.limits)
    if ('problem' in contained) return contained
    const page = await deps.events.listEvents(environment, { ...conditions, ...position, payload: contained.value })
    const nextCursor = page.nextBeforeId === undefined ? null : writeCursor(page.nextBeforeId)
    return { status: 200, body: { data: page.items.map(toListItem), nextCursor } }
  },
})

function readContained(
  text: string | undefined,
  limits: { nestingDepthMax: number },
): { value: Json | undefined } | ProblemAnswer {
  if (text === undefined) return { value: undefined }
  const value = parse(text)
  if (value === undefined) return refuse('Expected JSON')
  if (isDeeperThan(value, limits.nestingDepthMax)) return refuse(`Nested deeper than ${limits.nestingDepthMax} levels`)
  const fault = findFault(value)
  return fault === undefined ? { value } : refuse(fault.message)
}

function refuse(message: string): ProblemAnswer {
  return problem('invalid', `payload: ${message}`, { errors: [{ pointer: '/payload', code: 'invalid_json', message }] })
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function toListItem(event: StoredEventRecord) {
  return {
    ...toEventAnswer(event),
    source: event.source,
    payloadType: event.payloadType,
    state: event.state,
    accountId: event.accountIdentifier,
    unknownAccountId: event.unknownAccountId,
    matchedCount: event.matchedCount,
    fanoutLimited: event.fanoutLimited,
    failureReason: event.failureReason,
    orderingKey: event.orderingKey,
    test: event.isTest,
    createdAt: event.createdAt,
    updatedAt: event.updatedAt,
  }
}
