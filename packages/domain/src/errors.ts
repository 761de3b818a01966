/**
 * Stable names of what can go wrong outside of a caller's control. The API's table maps each to an HTTP problem.
 * `account_gone`: an external account was deleted between finding it and storing an event that refers to it.
 */
export type ErrorCode = 'storage_unavailable' | 'overloaded' | 'account_gone' | 'integrity'

/** Broken infrastructure, or a full one. Expected outcomes are unions instead. */
export class SignalboxError extends Error {
  override readonly name = 'SignalboxError'

  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
