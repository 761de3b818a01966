import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { AttemptResult, WebhookRequest } from './attempt.js'
import { classifyFailure, type Failure, type FailureCode } from './classify-failure.js'
import type { Connection, GuardedAgent, Origin } from './guarded-agent.js'
import { keepBodyStart, keepHeaders } from './keep-response.js'
import { parseRetryAfter } from './parse-retry-after.js'

/** A URL that passed the check, taken apart for the wire. */
export type Target = { readonly origin: Origin; readonly path: string }

/** What all exchanges of a sender share. */
export type ExchangeContext = { readonly agent: GuardedAgent; readonly onEnd: () => void }

/** A body beyond this is not read: the status is known, and an endless one would hold the connection. */
const RESPONSE_BODY_BYTES_READ_MAX = 65_536

/** What of a body is kept for people to look at. */
const RESPONSE_BODY_BYTES_KEPT = 16_384

/** A connection that is refused or reset this soon most likely met a restart: nothing was lost by asking once more. */
const SECOND_TRY_WITHIN_MS = 1_000

/** Carries out one attempt and tells how it ended. The promise is never rejected. */
export function startExchange(
  context: ExchangeContext,
  target: Target,
  request: WebhookRequest,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    new Exchange({ context, target, request, resolve }).enter(false)
  })
}

type ExchangeParts = {
  readonly context: ExchangeContext
  readonly target: Target
  readonly request: WebhookRequest
  readonly resolve: (result: AttemptResult) => void
}

/** A class for speed: one object per request with all of undici's callbacks on its prototype. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #parts: ExchangeParts
  readonly #startedAt = performance.now()
  readonly #deadline: NodeJS.Timeout
  readonly #chunks: Buffer[] = []
  #triedAt = this.#startedAt
  #isSecondTry = false
  #isSent = false
  #isReusedSocket = false
  #isEnded = false
  #connection: Connection | undefined
  #address: string | undefined
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #bytesRead = 0

  constructor(parts: ExchangeParts) {
    this.#parts = parts
    this.#deadline = setTimeout(() => this.#onDeadline(), parts.request.timeoutMs)
  }

  enter(fresh: boolean): void {
    const { context, target } = this.#parts
    if (context.agent.enter(target.origin, this, fresh)) return
    this.#fail({ code: 'overloaded', detail: 'too many requests to this origin, or to too many origins, under way' })
  }

  start(connection: Connection): void {
    const { target, request } = this.#parts
    this.#connection = connection
    connection.dispatch(
      { path: target.path, method: request.method, headers: request.headers, body: request.body },
      this,
    )
  }

  onRequestStart(): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.exchangesBegun += 1
    this.#isReusedSocket = connection.exchangesBegun > 1
    this.#isSent = true
    this.#triedAt = performance.now()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isEnded) return
    if (this.#bytesRead < RESPONSE_BODY_BYTES_KEPT) this.#chunks.push(chunk)
    this.#bytesRead += chunk.length
    if (this.#bytesRead > RESPONSE_BODY_BYTES_READ_MAX) this.#respond(false)
  }

  onResponseEnd(): void {
    this.#respond(true)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isEnded) return
    this.#giveBack(false)
    if ('address' in error && typeof error.address === 'string') this.#address = error.address
    const failure = classifyFailure(error)
    if (!this.#isWorthSecondTry(failure)) return this.#fail(failure)
    this.#isSecondTry = true
    this.#isSent = false
    this.enter(true)
  }

  #isWorthSecondTry({ code }: Failure): boolean {
    if (this.#isSecondTry || this.#status !== 0) return false
    if (performance.now() - this.#triedAt > SECOND_TRY_WITHIN_MS) return false
    return code === 'connection_refused' || (code === 'connection_reset' && this.#isSent && this.#isReusedSocket)
  }

  #onDeadline(): void {
    if (this.#isEnded) return
    const { context, target, request } = this.#parts
    const isUnsent = this.#connection === undefined && this.#status === 0
    if (isUnsent) context.agent.withdraw(target.origin, this)
    // The wait for a connection is of our making: the receiver has not failed, and others may hold its connections.
    const code = isUnsent ? 'overloaded' : 'timeout'
    this.#fail({ code, detail: `${this.#describeStage()} within ${request.timeoutMs} ms` })
  }

  #describeStage(): string {
    if (this.#status !== 0) return `the status was ${this.#status}, but the body did not end`
    if (this.#isSent) return 'the receiver did not answer'
    return this.#connection === undefined ? 'no connection was free' : 'the connection was not made'
  }

  #respond(isComplete: boolean): void {
    if (this.#isEnded) return
    const address = this.#connection?.address
    const retryAfterMs = this.#readRetryAfter()
    this.#end(
      {
        kind: 'response',
        status: this.#status,
        headers: keepHeaders(this.#headers),
        bodyStart: keepBodyStart(this.#chunks, RESPONSE_BODY_BYTES_KEPT),
        bodyTruncated: this.#bytesRead > RESPONSE_BODY_BYTES_KEPT,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
        durationMs: this.#elapsedMs(),
        address,
      },
      isComplete,
    )
  }

  #readRetryAfter(): number | undefined {
    const value = this.#headers['retry-after']
    return typeof value === 'string' ? parseRetryAfter(value, Date.now()) : undefined
  }

  #fail({ code, detail }: Failure): void {
    if (code === 'address_refused') return this.#end({ kind: 'refused', code, detail }, false)
    const address = this.#connection?.address ?? this.#address
    this.#end(
      {
        kind: 'failed',
        code: this.#isSent && code === 'connect_timeout' ? 'timeout' : (code satisfies FailureCode),
        detail,
        durationMs: this.#elapsedMs(),
        ...(address !== undefined && { address }),
        reusedSocket: this.#isSent && this.#isReusedSocket,
      },
      false,
    )
  }

  #end(result: AttemptResult, isSocketClean: boolean): void {
    this.#isEnded = true
    clearTimeout(this.#deadline)
    this.#giveBack(isSocketClean)
    this.#parts.context.onEnd()
    this.#parts.resolve(result)
  }

  #giveBack(isSocketClean: boolean): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#connection = undefined
    this.#address = connection.address
    if (isSocketClean) this.#parts.context.agent.release(connection)
    else this.#parts.context.agent.discard(connection)
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}
