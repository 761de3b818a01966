import type { AttemptReading, RetryPolicy } from '@signalbox/domain'
import type { z } from 'zod'

/** A claimed delivery with all of its event that goes out. JSON columns are text and stay text. */
export interface ClaimedDelivery {
  organizationId: string
  environmentId: string
  deliveryId: string
  dispatcherId: string
  /** Attempts before this one. */
  attemptCount: number
  /** Attempts before the present run: a replay starts a new run. */
  attemptOffset: number
  /** Stands for this claim: an attempt is recorded only while it holds. */
  lease: string
  acceptedAt: Date
  eventId: string
  name: string
  source: string
  timestamp: Date
  payload: string
  context: string
  accountIdentifier: string | null
  traceParent: string | null
}

/** What a dispatcher invokes, loaded with each queue job, its secrets opened. */
export interface DispatchTarget {
  type: string
  /** Deliveries of one lane share its places: an endpoint's, or a dispatcher's own. */
  laneKey: string
  environmentId: string
  /** Why nothing is to be sent: the dispatcher or its endpoint was disabled or removed, or a secret can't be read. */
  skipReason: 'dispatcher_disabled' | 'endpoint_disabled' | 'secret_unreadable' | null
  endpointId: string | null
  url: string
  method: 'POST' | 'PUT' | 'PATCH'
  headers: Record<string, string>
  /** Standard Webhooks signing secrets that are valid now, newest first. */
  secrets: string[]
  timeoutMs: number
  concurrency: number
  deliveriesInFlightMax: number
  retryPolicy: RetryPolicy
}

/** One outbound HTTP exchange. */
export interface OutboundRequest {
  url: string
  method: 'POST' | 'PUT' | 'PATCH'
  headers: Record<string, string>
  body: string
  timeoutMs: number
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
}

/** A kind of thing that a dispatcher can invoke. Adding one is one file beside this one and one entry in the list. */
export interface DispatchableType {
  type: string
  /** What `dispatchable` must look like on write. */
  schema: z.ZodType
  /** Carries out one attempt. Never throws for trouble on the way. */
  carryOut: (delivery: ClaimedDelivery, target: DispatchTarget, ports: DispatchablePorts) => Promise<AttemptReading>
}
