import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'

const GROUPS_OF_NETWORK = 4

/**
 * The address that a request comes from: the peer's, or, behind `trustedProxies` proxies that each add one, the one that
 * the outermost of them saw, from X-Forwarded-For.
 */
export function readClientAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  const peer = request.socket.remoteAddress
  if (trustedProxies === 0) return peer
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  const addresses = [peer, ...forwarded.map((part) => part.trim()).reverse()].filter((one) => one !== '')
  return addresses[Math.min(trustedProxies, addresses.length - 1)]
}

/** The address that failures are counted for: of IPv6 the /64 network, which one host has for itself. */
export function toCountedAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return `${groups.slice(0, GROUPS_OF_NETWORK).join(':')}::/64`
}
