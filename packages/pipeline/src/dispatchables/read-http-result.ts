import { readStatus, type AttemptReading } from '@signalbox/domain'
import type { OutboundResult } from './dispatchable-type.js'

/** Failures of our own making, before anything was sent: they count as no attempt. */
const UNSENT_CODES = new Set(['overloaded', 'sender_closed'])

/** Reads an HTTP exchange as an attempt: 2xx succeeded, 410 gone, the rest by RFC 9110's classes. */
export function readHttpResult(result: OutboundResult): AttemptReading {
  if (result.kind === 'response') {
    return {
      outcome: readStatus(result.status),
      status: result.status,
      durationMs: result.durationMs,
      responseHeaders: result.headers,
      responseBody: result.bodyStart,
      ...(result.retryAfterMs === undefined ? {} : { retryAfterMs: result.retryAfterMs }),
      ...(result.address === undefined ? {} : { address: result.address }),
    }
  }
  return {
    outcome: UNSENT_CODES.has(result.code) ? 'unsent' : result.kind,
    durationMs: result.durationMs ?? 0,
    errorCode: result.code,
    errorDetail: result.detail,
    ...('address' in result && result.address !== undefined ? { address: result.address } : {}),
  }
}
