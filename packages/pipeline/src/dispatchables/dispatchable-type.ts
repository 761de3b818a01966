import type { AttemptReading, ClaimedDelivery, DispatchTarget } from '@signalbox/domain'
import type { z } from 'zod'

/** One outbound HTTP exchange. */
export interface OutboundRequest {
  url: string
  method: 'POST' | 'PUT' | 'PATCH'
  headers: Record<string, string>
  body: string
  timeoutMs: number
  /** The organization: connections to a host that several organizations call are kept apart. */
  owner: string
}

/** What came of an exchange, as the egress adapter tells it. */
export type OutboundResult =
  | {
      kind: 'response'
      status: number
      headers: Record<string, string>
      bodyStart: string
      retryAfterMs?: number | undefined
      durationMs: number
      address?: string | undefined
    }
  | { kind: 'refused'; code: string; detail: string; durationMs?: number }
  | { kind: 'failed'; code: string; detail: string; durationMs: number; address?: string | undefined }

/** What a dispatchable type may use to carry out a delivery. */
export interface DispatchablePorts {
  send: (request: OutboundRequest) => Promise<OutboundResult>
  sign: (message: { id: string; timestampSeconds: number; body: string; secrets: string[] }) => Record<string, string>
  /** A W3C trace parent for one hop further, or undefined when the event came without a valid one. */
  continueTrace: (traceParent: string) => string | undefined
  now: () => Date
  /** What requests say that they come from, unless an endpoint's own headers say something else. */
  userAgent: string
}

/** A kind of thing that a dispatcher can invoke. Adding one is one file beside this one and one entry in the list. */
export interface DispatchableType {
  type: string
  /** What `dispatchable` must look like on write. */
  schema: z.ZodType
  /** Carries out one attempt. Never throws for trouble on the way. */
  carryOut: (delivery: ClaimedDelivery, target: DispatchTarget, ports: DispatchablePorts) => Promise<AttemptReading>
}
