/** Why an exchange had no answer. Stable: stored with the attempt and shown to the tenant. */
export type FailureCode =
  | 'timeout'
  | 'connect_timeout'
  | 'connection_refused'
  | 'connection_reset'
  | 'dns_failed'
  | 'tls_failed'
  | 'network_error'
  | 'response_invalid'
  | 'request_invalid'
  | 'overloaded'
  | 'sender_closed'

/** What became of an exchange that ended with an error. */
export type Failure = { readonly code: FailureCode | 'address_refused'; readonly detail: string }

/** Details are stored with each attempt. */
const DETAIL_CHARACTERS_MAX = 300

const CODES: Readonly<Record<string, Failure['code']>> = {
  EGRESS_REFUSED: 'address_refused',
  EGRESS_HOST_UNRESOLVED: 'dns_failed',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  ECONNABORTED: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  ETIMEDOUT: 'connect_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response_invalid',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'response_invalid',
  UND_ERR_INVALID_ARG: 'request_invalid',
  UND_ERR_NOT_SUPPORTED: 'request_invalid',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'request_invalid',
  EPROTO: 'tls_failed',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_failed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_failed',
  HOSTNAME_MISMATCH: 'tls_failed',
}

/** By how OpenSSL, Node and the HTTP parser name families of errors. */
const CODE_PREFIXES: readonly (readonly [prefix: string, code: Failure['code']])[] = [
  ['ERR_TLS_', 'tls_failed'],
  ['ERR_SSL_', 'tls_failed'],
  ['ERR_OSSL_', 'tls_failed'],
  ['CERT_', 'tls_failed'],
  ['CRL_', 'tls_failed'],
  ['UNABLE_TO_', 'tls_failed'],
  ['INVALID_CA', 'tls_failed'],
  ['INVALID_PURPOSE', 'tls_failed'],
  ['HPE_', 'response_invalid'],
]

/** Names the error of a connection or an exchange. Unknown ones are `network_error`: they are retried like the rest. */
export function classifyFailure(error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { code: findCode(code, error), detail: describe(error, code) }
}

function findCode(code: string, { name, message }: Error): Failure['code'] {
  // Some errors of the parser come without their code.
  if (name === 'HTTPParserError') return 'response_invalid'
  // undici's name for an answer that is none: one that nobody asked for, or a switch of protocols.
  if (code === 'UND_ERR_SOCKET' && message.startsWith('bad ')) return 'response_invalid'
  return CODES[code] ?? CODE_PREFIXES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'network_error'
}

function describe(error: Error, code: string): string {
  // One error per address that was tried; each says more than the sum.
  const errors = error instanceof AggregateError ? (error.errors as unknown[]) : [error]
  const messages = errors.map((one) => (one instanceof Error ? one.message : String(one)))
  const text = messages.filter((message) => message !== '').join('; ') || code || 'unknown error'
  return text.replaceAll('\0', '').slice(0, DETAIL_CHARACTERS_MAX)
}
