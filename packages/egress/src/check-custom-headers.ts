/** What is wrong with which header; the pointer (RFC 6901) is relative to the headers object. */
export type HeaderProblem = { readonly pointer: string; readonly message: string }

/** What `checkCustomHeaders` answers: the headers with lower-case names, or all that is wrong with them. */
export type CustomHeadersVerdict =
  | { readonly ok: true; readonly headers: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly problems: readonly HeaderProblem[] }

/** Together with the signature these stay below the 8 KiB of request head that common servers take. */
const HEADERS_MAX = 32
const NAME_CHARACTERS_MAX = 128
const VALUE_CHARACTERS_MAX = 4_096
const HEADERS_CHARACTERS_MAX = 6_144

/** A field name, RFC 9110 section 5.1. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** A field value, RFC 9110 section 5.5, without the bytes above ASCII that receivers read in different ways. */
const VALUE = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/

const RESERVED: Readonly<Record<string, string>> = {
  host: 'is taken from the URL',
  'content-length': 'is set by the sender',
  'content-type': 'follows from the format of the body',
  'content-encoding': 'follows from the format of the body',
  'transfer-encoding': 'belongs to the connection',
  connection: 'belongs to the connection',
  'keep-alive': 'belongs to the connection',
  upgrade: 'belongs to the connection',
  te: 'belongs to the connection',
  trailer: 'belongs to the connection',
  expect: 'belongs to the connection',
  http2settings: 'belongs to the connection',
  'http2-settings': 'belongs to the connection',
  'accept-encoding': 'would make the recorded response unreadable',
  traceparent: 'is set by the sender',
  tracestate: 'is set by the sender',
  baggage: 'is set by the sender',
  via: 'tells the way of the request',
  forwarded: 'tells the way of the request',
  'x-real-ip': 'tells the way of the request',
  metadata: 'opens the metadata services of clouds',
  'metadata-flavor': 'opens the metadata services of clouds',
}

const RESERVED_PREFIXES: readonly (readonly [prefix: string, message: string])[] = [
  ['webhook-', 'belongs to the signature'],
  ['proxy-', 'belongs to the connection'],
  ['x-forwarded-', 'tells the way of the request'],
  ['x-aws-ec2-metadata-', 'opens the metadata services of clouds'],
  ['x-signalbox-', 'is set by the sender'],
]

/** Checks the headers that a tenant wants with each request: nothing that we set, that frames the message or breaks it. */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): CustomHeadersVerdict {
  const entries = Object.entries(headers)
  if (entries.length > HEADERS_MAX) return refuse([{ pointer: '', message: `has more than ${HEADERS_MAX} headers` }])
  const kept = new Map<string, string>()
  const problems: HeaderProblem[] = []
  let characters = 0
  for (const [name, value] of entries) {
    const lowerCased = name.toLowerCase()
    const message = kept.has(lowerCased) ? 'is there twice' : findProblem(name, value)
    if (message !== undefined) problems.push({ pointer: toPointer(name), message })
    kept.set(lowerCased, value)
    characters += name.length + value.length
  }
  if (characters > HEADERS_CHARACTERS_MAX) {
    problems.push({ pointer: '', message: `has more than ${HEADERS_CHARACTERS_MAX} characters` })
  }
  return problems.length > 0 ? refuse(problems) : { ok: true, headers: Object.fromEntries(kept) }
}

function findProblem(name: string, value: string): string | undefined {
  if (name.length > NAME_CHARACTERS_MAX) return `has a name of more than ${NAME_CHARACTERS_MAX} characters`
  if (!NAME.test(name)) return 'is not a header name'
  const lowerCased = name.toLowerCase()
  if (Object.hasOwn(RESERVED, lowerCased)) return RESERVED[lowerCased]
  const reserved = RESERVED_PREFIXES.find(([prefix]) => lowerCased.startsWith(prefix))
  if (reserved !== undefined) return reserved[1]
  if (value.length > VALUE_CHARACTERS_MAX) return `has a value of more than ${VALUE_CHARACTERS_MAX} characters`
  return VALUE.test(value) ? undefined : 'has a value with characters other than printable ASCII, or space at an end'
}

function toPointer(name: string): string {
  // A name is the tenant's text: what is absurdly long is not sent back whole.
  return `/${name.slice(0, NAME_CHARACTERS_MAX).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function refuse(problems: readonly HeaderProblem[]): CustomHeadersVerdict {
  return { ok: false, problems }
}
