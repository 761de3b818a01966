import type { ClaimedDelivery, DispatchTarget } from '@signalbox/domain'
import { describe, expect, test } from '@jest/globals'
import type { DispatchablePorts, OutboundRequest, OutboundResult } from './dispatchable-type.js'
import { buildEphemeralBody } from './ephemeral.js'
import { dispatchableTypes } from './index.js'
import { buildWebhookBody } from './webhook.js'

const BODY = { payload: '{"total": 1.10, "note": "é\\"<"}', context: '{}' }

function makeDelivery(more: Partial<ClaimedDelivery> = {}): ClaimedDelivery {
  return {
    organizationId: 'organization',
    environmentId: 'environment',
    deliveryId: 'delivery',
    dispatcherId: 'dispatcher',
    attemptCount: 0,
    attemptOffset: 0,
    lease: 'lease',
    acceptedAt: new Date(0),
    eventId: 'order-1',
    name: 'order.paid',
    source: 'shop',
    timestamp: new Date('2026-05-01T12:00:00.5Z'),
    body: BODY,
    accountIdentifier: null,
    traceParent: null,
    ...more,
  }
}

const target: DispatchTarget = {
  type: 'WEBHOOK',
  laneKey: 'lane',
  environmentId: 'environment',
  skipReason: null,
  endpointId: 'endpoint',
  url: 'https://example.com/hook',
  method: 'PUT',
  headers: { 'x-own': '1', 'content-type': 'text/plain', 'webhook-id': 'forged' },
  secrets: ['whsec_x'],
  timeoutMs: 1_234,
  concurrency: 1,
  deliveriesInFlightMax: 1,
  retryPolicy: { delaysSeconds: [] },
}

function createPorts(result: OutboundResult) {
  const sent: OutboundRequest[] = []
  const ports: DispatchablePorts = {
    send: async (request) => {
      sent.push(request)
      return result
    },
    sign: ({ id, timestampSeconds, body, secrets }) => ({
      'webhook-id': id,
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': `${secrets.join()} over ${body.length}`,
    }),
    continueTrace: (parent) => (parent === 'valid' ? 'continued' : undefined),
    now: () => new Date(1_700_000_000_999),
    userAgent: 'Signalbox/1.2.3',
  }
  return { sent, ports }
}

const OK: OutboundResult = { kind: 'response', status: 200, headers: { a: 'b' }, bodyStart: 'fine', durationMs: 7 }

describe('the body of a webhook', () => {
  test('is written in one fixed order, the payload as it is stored', () => {
    expect(buildWebhookBody(makeDelivery())).toBe(
      '{"id":"order-1","type":"order.paid","timestamp":"2026-05-01T12:00:00.500Z",' +
        '"data":{"total": 1.10, "note": "é\\"<"},"source":"shop"}',
    )
  })

  test('names context and account only when there are any', () => {
    const body = buildWebhookBody(
      makeDelivery({ body: { ...BODY, context: '{"region": "eu"}' }, accountIdentifier: 'a "b"' }),
    )
    expect(JSON.parse(body)).toEqual({
      id: 'order-1',
      type: 'order.paid',
      timestamp: '2026-05-01T12:00:00.500Z',
      data: { total: 1.1, note: 'é"<' },
      context: { region: 'eu' },
      source: 'shop',
      accountId: 'a "b"',
    })
  })

  test.each(['5', '"text"', '[]', 'false', '0', '{}', '""'])('carries the payload %s', (payload) => {
    expect(
      (JSON.parse(buildWebhookBody(makeDelivery({ body: { ...BODY, payload } }))) as { data: unknown }).data,
    ).toEqual(JSON.parse(payload))
  })

  test('keeps names and ids that need escaping whole', () => {
    const awkward = 'a"b\\c\u2028\n</script>'
    const body = JSON.parse(buildWebhookBody(makeDelivery({ eventId: awkward, name: awkward, source: awkward })))
    expect(body).toMatchObject({ id: awkward, type: awkward, source: awkward })
  })
})

describe('the body of an ephemeral dispatcher', () => {
  test('has payload and context always, the account when there is one', () => {
    expect(JSON.parse(buildEphemeralBody(makeDelivery()))).toEqual({
      id: 'order-1',
      source: 'shop',
      name: 'order.paid',
      payload: { total: 1.1, note: 'é"<' },
      context: {},
      timestamp: '2026-05-01T12:00:00.500Z',
    })
    expect(JSON.parse(buildEphemeralBody(makeDelivery({ accountIdentifier: 'x' })))).toMatchObject({ accountId: 'x' })
  })
})

describe.each([...dispatchableTypes.values()])('carrying out $type', (type) => {
  test('sends one signed request; no header of the endpoint replaces one of ours', async () => {
    const { sent, ports } = createPorts(OK)
    const delivery = makeDelivery({ traceParent: 'valid' })
    const reading = await type.carryOut(delivery, target, ports)
    expect(reading).toEqual({
      outcome: 'succeeded',
      status: 200,
      durationMs: 7,
      responseHeaders: { a: 'b' },
      responseBody: 'fine',
    })
    const body = type.type === 'WEBHOOK' ? buildWebhookBody(delivery) : buildEphemeralBody(delivery)
    expect(sent).toEqual([
      {
        url: 'https://example.com/hook',
        method: 'PUT',
        timeoutMs: 1_234,
        owner: expect.any(String),
        body,
        headers: {
          'x-own': '1',
          'content-type': 'application/json',
          'user-agent': 'Signalbox/1.2.3',
          'webhook-id': 'delivery',
          'webhook-timestamp': '1700000000',
          'webhook-signature': `whsec_x over ${body.length}`,
          traceparent: 'continued',
        },
      },
    ])
  })

  test('every attempt sends the same bytes under the same id', async () => {
    const { sent, ports } = createPorts(OK)
    await type.carryOut(makeDelivery(), target, ports)
    await type.carryOut(makeDelivery({ attemptCount: 3, lease: 'another' }), target, ports)
    expect(sent[1]?.body).toBe(sent[0]?.body)
    expect(sent[1]?.headers['webhook-id']).toBe('delivery')
  })

  test('an endpoint may name another sender', async () => {
    const { sent, ports } = createPorts(OK)
    await type.carryOut(makeDelivery(), { ...target, headers: { 'user-agent': 'Acme' } }, ports)
    expect(sent[0]?.headers['user-agent']).toBe('Acme')
  })

  test('a trace that is not valid is left out', async () => {
    const { sent, ports } = createPorts(OK)
    await type.carryOut(makeDelivery({ traceParent: 'garbage' }), target, ports)
    expect(sent[0]?.headers).not.toHaveProperty('traceparent')
  })

  test.each<[OutboundResult, object]>([
    [
      { ...OK, status: 410 },
      { outcome: 'gone', status: 410 },
    ],
    [
      { ...OK, status: 503, retryAfterMs: 9, address: '::1' },
      { outcome: 'busy', retryAfterMs: 9, address: '::1' },
    ],
    [{ ...OK, status: 302 }, { outcome: 'unexpected' }],
    [
      { kind: 'failed', code: 'timeout', detail: 'no head', durationMs: 5, address: '1.1.1.1' },
      { outcome: 'failed', errorCode: 'timeout', errorDetail: 'no head', durationMs: 5, address: '1.1.1.1' },
    ],
    [
      { kind: 'refused', code: 'private', detail: 'no' },
      { outcome: 'refused', errorCode: 'private', durationMs: 0 },
    ],
    [{ kind: 'failed', code: 'overloaded', detail: 'no room', durationMs: 0 }, { outcome: 'unsent' }],
  ])('%j reads as %j', async (result, reading) => {
    expect(await type.carryOut(makeDelivery(), target, createPorts(result).ports)).toMatchObject(reading)
  })
})
