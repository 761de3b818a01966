import { type Groups, mappedIpv4, parseIp, parseIpRange } from '../filter/ip-range.js'
import { FEATURE_KINDS } from './feature-table.js'

/** Addresses as numbers: one has low = high. Of IPv6 only the leading 48 bits, which a number holds exactly. */
export interface AddressNumbers {
  kind: typeof FEATURE_KINDS.IPV4 | typeof FEATURE_KINDS.IPV6
  low: number
  high: number
}

const IPV4_BITS = 32
const IPV6_BITS_USED = 48

/** What a text with an IP address can be looked up by; an IPv4-mapped IPv6 address by both. Empty for other texts. */
export function readAddressNumbers(text: string): AddressNumbers[] {
  const groups = parseIp(text)
  if (groups === undefined) return []
  const own = toNumbers(groups, Infinity)
  const mapped = groups.length === 8 ? mappedIpv4(groups) : undefined
  return mapped === undefined ? [own] : [own, toNumbers(mapped, Infinity)]
}

/** The numbers of all addresses in a range in CIDR notation. Undefined for other texts. */
export function readRangeNumbers(cidr: string): AddressNumbers | undefined {
  const range = parseIpRange(cidr)
  return range && toNumbers(range.groups, range.bits)
}

function toNumbers(groups: Groups, bits: number): AddressNumbers {
  const isIpv4 = groups.length === 4
  const bitsUsed = isIpv4 ? IPV4_BITS : IPV6_BITS_USED
  const kind = isIpv4 ? FEATURE_KINDS.IPV4 : FEATURE_KINDS.IPV6
  const used = isIpv4 ? groups : groups.slice(0, 3)
  const number = used.reduce((sum, group) => sum * (isIpv4 ? 0x100 : 0x10000) + group, 0)
  const size = 2 ** Math.max(0, bitsUsed - bits)
  const low = number - (number % size)
  return { kind, low, high: low + size - 1 }
}
