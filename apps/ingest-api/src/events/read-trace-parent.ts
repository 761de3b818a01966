import type { IncomingHttpHeaders } from 'node:http'
import { parseTraceparent } from '@signalbox/runtime'

/** The header traceparent when it is valid (W3C Trace Context); it goes with the event to its receivers. */
export function readTraceParent(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['traceparent']
  if (typeof header !== 'string') return undefined
  return parseTraceparent(header) === undefined ? undefined : header
}
