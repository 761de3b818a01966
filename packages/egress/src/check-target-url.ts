import { isIP } from 'node:net'
import { checkDialTarget, type EgressAllow, isAllowedHost, isPossiblePort } from './egress-allow.js'

/** Why a URL can't be a target. `address_refused` covers hosts, addresses and ports that the guard keeps shut. */
export type TargetUrlRefusal = 'url_invalid' | 'address_refused'

/** What `checkTargetUrl` answers. The URL is normalised, without fragment; the message is for the tenant. */
export type TargetUrlVerdict =
  | { readonly ok: true; readonly url: URL }
  | { readonly ok: false; readonly code: TargetUrlRefusal; readonly message: string }

/** Longer than any receiver's URL, shorter than what servers refuse in a request line. */
export const TARGET_URL_CHARACTERS_MAX = 2048

/** Names for inside use (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`) and the usual ones of private networks. */
const INTERNAL_SUFFIXES = ['localhost', 'local', 'localdomain', 'internal', 'intranet', 'lan', 'home.arpa', 'onion']

/**
 * Checks all that can be known of a URL without asking the DNS. Meant for the moment a URL is written down; the same
 * is checked again for each request, and the addresses at each connection.
 */
export function checkTargetUrl(text: string, allow: EgressAllow): TargetUrlVerdict {
  if (text.length > TARGET_URL_CHARACTERS_MAX) {
    return invalid(`The URL is longer than ${TARGET_URL_CHARACTERS_MAX} characters.`)
  }
  // The URL parser drops or turns round these in silence, so that the URL read is not the URL written.
  if (/[\s\\\p{Cc}\p{Cf}]/u.test(text)) {
    return invalid('The URL must not contain white space, control characters or backslashes.')
  }
  const authority = /^https?:\/\/([^/?#]+)/i.exec(text)?.[1]
  if (authority === undefined || !URL.canParse(text)) {
    return invalid('The URL must be absolute and begin with http:// or https://.')
  }
  if (authority.includes('@')) return invalid('The URL must not contain credentials.')
  const url = new URL(text)
  url.hash = ''
  // Written with other than ASCII characters it grows when it is encoded, and what is sent is what counts.
  if (url.href.length > TARGET_URL_CHARACTERS_MAX) {
    return invalid(`The URL, percent-encoded, is longer than ${TARGET_URL_CHARACTERS_MAX} characters.`)
  }
  return checkHost(url, authority, allow)
}

/** The port that a request to this URL goes to. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

/** The host as the DNS and sockets want it: an IPv6 literal without its brackets. */
export function hostnameOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
}

function checkHost(url: URL, authority: string, allow: EgressAllow): TargetUrlVerdict {
  const hostname = hostnameOf(url)
  const port = portOf(url)
  if (!isPossiblePort(hostname, port, allow)) {
    return refused(`Port ${port} is not allowed: use 80, 443 or one from 1024 upwards.`)
  }
  if (isIP(hostname) !== 0) return checkLiteral({ url, hostname, port, authority }, allow)
  if (hostname.endsWith('.')) return refused('Write the host name without its trailing dot.')
  if (hostname.length > 253 || hostname.split('.').some((label) => label === '' || label.length > 63)) {
    return invalid('The host name is not a valid one.')
  }
  if (isInternalName(hostname) && !isAllowedHost(hostname, port, allow) && !isOpenLoopback(hostname, port, allow)) {
    return refused('The host name belongs to a private network.')
  }
  return { ok: true, url }
}

type Literal = { readonly url: URL; readonly hostname: string; readonly port: number; readonly authority: string }

function checkLiteral({ url, hostname, port, authority }: Literal, allow: EgressAllow): TargetUrlVerdict {
  const written = authority.replace(/:\d*$/, '').toLowerCase()
  // Decimal, octal, hexadecimal, short, percent-encoded: no receiver is written so, but many ways around a check are.
  const isPlain = written.startsWith('[') ? url.hostname.startsWith('[') : written === url.hostname
  if (!isPlain) return refused('Write the IP address in its usual form: four decimal numbers, or IPv6 in brackets.')
  const verdict = checkDialTarget({ hostname, address: hostname, port }, allow)
  return verdict.allowed ? { ok: true, url } : refused(`The host is refused: ${verdict.reason}.`)
}

/** A name of one label is a machine of the network around us: no public host is named so. */
function isInternalName(hostname: string): boolean {
  return (
    !hostname.includes('.') ||
    INTERNAL_SUFFIXES.some((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`))
  )
}

/** RFC 6761: `localhost` is a way to write the loopback address, so opening the address opens the name. */
function isOpenLoopback(hostname: string, port: number, allow: EgressAllow): boolean {
  return (
    isLocalhost(hostname) &&
    LOOPBACK_ADDRESSES.some((address) => checkDialTarget({ hostname, address, port }, allow).allowed)
  )
}

/** `localhost` and all below it. */
export function isLocalhost(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost')
}

/** What `localhost` stands for, without asking anyone. */
export const LOOPBACK_ADDRESSES: readonly string[] = ['127.0.0.1', '::1']

function invalid(message: string): TargetUrlVerdict {
  return { ok: false, code: 'url_invalid', message }
}

function refused(message: string): TargetUrlVerdict {
  return { ok: false, code: 'address_refused', message }
}
