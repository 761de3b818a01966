import type { IncomingHttpHeaders } from 'node:http'

/** What is kept of a response's headers. */
export type KeptHeaders = Readonly<Record<string, string>>

const HEADERS_MAX = 64
const HEADER_NAME_CHARACTERS_MAX = 128
const HEADER_VALUE_CHARACTERS_MAX = 1_024

/** In place of a value that could be a secret of the receiver. */
export const MASK = '[masked]'

const SECRET_HEADER =
  /^(?:set-cookie2?|cookie|authorization|proxy-authorization)$|token|secret|key|passw|credential|session|jwt|otp|signature|(?<!www-)auth(?!enticate)/

/** What Postgres keeps in no text and no JSON, and what has no place in a header. */
// oxlint-disable-next-line no-control-regex
const HEADER_CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f]/g

/** Keeps a bounded number of headers of bounded size, with secrets masked, fit for a JSON column. */
export function keepHeaders(headers: IncomingHttpHeaders): KeptHeaders {
  const kept: Record<string, string> = {}
  let count = 0
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || name.length > HEADER_NAME_CHARACTERS_MAX) continue
    if (count === HEADERS_MAX) break
    count += 1
    kept[name] = SECRET_HEADER.test(name) ? MASK : hideQuery(name, toText(value))
  }
  return kept
}

/** The start of a body as text: what is not UTF-8, and NUL, becomes U+FFFD; a character cut in two is left out. */
export function keepBodyStart(chunks: readonly Buffer[], bytesMax: number): string {
  const [first] = chunks
  if (first === undefined) return ''
  const bytes = chunks.length === 1 ? first : Buffer.concat(chunks)
  // Only a decoder knows a character that was cut in two; making one costs more than all else here.
  const text =
    bytes.length <= bytesMax
      ? bytes.toString('utf8')
      : new TextDecoder().decode(bytes.subarray(0, bytesMax), { stream: true })
  return text.replaceAll('\0', '\uFFFD')
}

// A redirect's query may hold what lets one in; where it goes to is what one wants to know.
function hideQuery(name: string, text: string): string {
  return name === 'location' ? text.replace(/\?.*/s, `?${MASK}`) : text
}

function toText(value: string | string[]): string {
  const text = typeof value === 'string' ? value : value.join(', ')
  return text.slice(0, HEADER_VALUE_CHARACTERS_MAX).replace(HEADER_CONTROLS, '\uFFFD')
}
