import type { FailureCode } from './classify-failure.js'
import type { KeptHeaders } from './keep-response.js'

/** One request to one receiver. The headers are sent as they are: see `checkCustomHeaders` for those of tenants. */
export type WebhookRequest = {
  readonly url: string
  readonly method: 'POST' | 'PUT' | 'PATCH'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  /** For the whole exchange, the body of the response included. */
  readonly timeoutMs: number
  /** Who sends. Connections are kept apart by owner, so that one can't use up another's to a host that both call. */
  readonly owner?: string
}

/** How an attempt ended. What it means for the delivery is decided elsewhere. */
export type AttemptResult =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly headers: KeptHeaders
      /** At most 16 KiB of the body, as text that any database takes. */
      readonly bodyStart: string
      readonly bodyTruncated: boolean
      readonly retryAfterMs?: number
      readonly durationMs: number
      readonly address: string | undefined
    }
  | { readonly kind: 'refused'; readonly code: 'address_refused'; readonly detail: string }
  | {
      readonly kind: 'failed'
      readonly code: FailureCode
      readonly detail: string
      readonly durationMs: number
      readonly address?: string
      /** Whether the connection had been kept from an earlier exchange. */
      readonly reusedSocket: boolean
    }
