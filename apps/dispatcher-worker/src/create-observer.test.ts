import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { AttemptOutcome, AttemptRecord, NextStep } from '@signalbox/domain'
import { createDispatchMetrics, createMetrics, type Logger } from '@signalbox/runtime'
import { createObserver } from './create-observer.js'

beforeEach(() => {
  jest.useFakeTimers()
})

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

function create() {
  const lines: { message: string; fields: Record<string, unknown> }[] = []
  const write = (message: string, fields: Record<string, unknown>): void => void lines.push({ message, fields })
  const logger = { info: write, warn: write } as unknown as Logger
  const metrics = createMetrics({ service: 'dispatcher-worker' })
  return {
    lines,
    metrics,
    observer: createObserver(
      logger,
      createDispatchMetrics(metrics, () => 0),
    ),
  }
}

function record(outcome: AttemptOutcome, step: NextStep): AttemptRecord {
  const delivery = {
    organizationId: 'o',
    environmentId: 'e',
    deliveryId: 'd',
    dispatcherId: 'p',
    eventId: 'v',
    attemptCount: 1,
    acceptedAt: new Date(),
    body: { payload: '{"secret":1}', context: '{}' },
  } as unknown as AttemptRecord['delivery']
  return { delivery, startedAt: new Date(), reading: { outcome, durationMs: 5, responseBody: 'secret' }, step }
}

describe('the observer of attempts', () => {
  test('writes one line for the successes of a second', async () => {
    const { lines, observer } = create()
    for (let n = 0; n < 3; n++) observer.onAttempt(record('succeeded', { kind: 'complete' }), true)
    expect(lines).toEqual([])
    await jest.advanceTimersByTimeAsync(1_000)
    expect(lines).toEqual([{ message: 'delivery.attempted', fields: { outcome: 'succeeded', count: 3 } }])
  })

  test('writes what it holds back when it is flushed, and nothing twice', () => {
    const { lines, observer } = create()
    observer.onAttempt(record('succeeded', { kind: 'complete' }), true)
    observer.flush()
    observer.flush()
    expect(lines).toHaveLength(1)
  })

  test('writes a line for each failure, with ids and never with contents', () => {
    const { lines, observer } = create()
    observer.onAttempt(record('busy', { kind: 'retry', delayMs: 1 }), true)
    observer.onAttempt(record('succeeded', { kind: 'complete' }), false)
    expect(
      lines.map(({ fields }) => [fields['attempt'], fields['outcome'], fields['next'], fields['isRecorded']]),
    ).toEqual([
      [2, 'busy', 'retry', true],
      [2, 'succeeded', 'complete', false],
    ])
    expect(JSON.stringify(lines)).not.toContain('secret')
  })
})
