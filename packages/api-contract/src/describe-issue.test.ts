import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { deliveryListQuerySchema } from './delivery-schemas.js'
import { describeIssue } from './describe-issue.js'
import { createEphemeralBodySchema, testDispatcherBodySchema } from './dispatcher-schemas.js'
import { parseBulkEvent, replayBodySchema, sendEventBodySchema, sendEventsEnvelopeSchema } from './event.js'
import { createEndpointBodySchema } from './webhook-endpoint-schemas.js'

const faultsOf = (schema: z.ZodType, value: unknown): string[] =>
  schema.safeParse(value, { error: describeIssue }).error?.issues.map(({ path, message }) => {
    return `${path.join('.')}: ${message}`
  }) ?? []

const endpoint = { url: 'https://example.com', events: ['a'] }

describe('what is wrong with a value is said in plain words', () => {
  test.each<[z.ZodType, unknown, string]>([
    [sendEventBodySchema, { event: {} }, 'event.name: `name` is missing'],
    [sendEventBodySchema, { event: { name: 5 } }, 'event.name: must be a string, not a number'],
    [sendEventBodySchema, { event: { name: null } }, 'event.name: must be a string, not null'],
    [sendEventBodySchema, { event: { name: 'a', id: '' } }, 'event.id: must not be empty'],
    [sendEventBodySchema, { event: 'a' }, 'event: must be an object, not a string'],
    [sendEventBodySchema, 'a', ': must be an object, not a string'],
    [
      sendEventBodySchema,
      { event: { name: 'a', payloadType: 'XML' } },
      'event.payloadType: must be one of "JSON", "REQUEST"',
    ],
    [sendEventBodySchema, { event: { name: 'a'.repeat(256) } }, 'event.name: must have at most 255 characters'],
    [
      sendEventBodySchema,
      { event: { name: 'a' }, options: { deliverAfter: 1.5 } },
      'options.deliverAfter: must be a whole number',
    ],
    [
      sendEventBodySchema,
      { event: { name: 'a' }, options: { test: 'yes' } },
      'options.test: must be true or false, not a string',
    ],
    [createEndpointBodySchema, { events: ['a'] }, 'url: `url` is missing'],
    [createEndpointBodySchema, { ...endpoint, timeoutMs: 10 }, 'timeoutMs: must be at least 1000'],
    [createEndpointBodySchema, { ...endpoint, concurrency: 101 }, 'concurrency: must be at most 100'],
    [createEndpointBodySchema, { ...endpoint, events: [] }, 'events: must not be empty'],
    [
      createEndpointBodySchema,
      { ...endpoint, events: Array.from({ length: 101 }, () => 'a') },
      'events: must have at most 100 items',
    ],
    [
      createEphemeralBodySchema,
      { url: 'https://example.com', name: 'a', timeoutInSeconds: 1e99 },
      'timeoutInSeconds: must be at most 9007199254740991',
    ],
    [deliveryListQuerySchema, { limit: 'many' }, 'limit: must be a number'],
    [deliveryListQuerySchema, { limit: '0' }, 'limit: must be at least 1'],
    [deliveryListQuerySchema, { dispatcherId: 'x' }, 'dispatcherId: must be a UUID'],
    [testDispatcherBodySchema, {}, 'event: `event` is missing'],
    [replayBodySchema, { to: 'x' }, ': unknown: to'],
    [z.object({ a: z.url() }), { a: '' }, 'a: must be a URL'],
    [z.object({ a: z.literal('x') }), { a: 'y' }, 'a: must be "x"'],
    [z.object({ a: z.number().gt(1).multipleOf(2) }), { a: 1 }, 'a: must be more than 1'],
    [z.object({ a: z.email() }), { a: '' }, 'a: must be of the format email'],
    [z.object({ a: z.union([z.string(), z.number()]) }), { a: [] }, 'a: is not valid'],
  ])('%#: of %2$j', (schema, value, fault) => {
    expect(faultsOf(schema, value)[0]).toBe(fault)
  })

  test('and what a schema says itself is said', () => {
    expect(faultsOf(sendEventBodySchema, {})).toEqual(['event: `event` is missing: {"event": {"name": …}}'])
  })
})

describe('many events in another form than it is taken', () => {
  const form = '{"events": [{"name": …}]}'

  test.each([
    [[{ name: 'a' }], `: the array must stand under \`events\`: ${form}`],
    [{ event: { name: 'a' } }, `events: \`events\` is missing: ${form}`],
    [{ events: { name: 'a' } }, 'events: must be an array, not an object'],
    ['a', ': must be an object, not a string'],
  ])('%j', (body, fault) => {
    expect(faultsOf(sendEventsEnvelopeSchema, body)).toEqual([fault])
  })

  test('an array for one event leads to bulk', () => {
    expect(faultsOf(sendEventBodySchema, [])).toEqual([expect.stringContaining(`/api/v1/events/bulk as ${form}`)])
  })

  test.each([
    [{ event: { name: 'a' } }, `must be the event itself, without \`event\` around it: ${form}`],
    [{ event: 'a' }, '`name` is missing'],
    ['a', 'must be an object, not a string'],
  ])('each is the event itself: %j', (event, message) => {
    expect(parseBulkEvent(event).error?.issues.map((issue) => issue.message)).toEqual([message])
  })

  test('and other keys are ignored', () => {
    expect(parseBulkEvent({ name: 'a', event: { name: 'b' } })).toEqual({ success: true, data: { name: 'a' } })
  })
})
