import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Why an address is not a public, dialable one. */
export type AddressRefusal =
  | 'not_an_address'
  | 'zone_id'
  | 'metadata'
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'shared'
  | 'link_local'
  | 'site_local'
  | 'unique_local'
  | 'multicast'
  | 'broadcast'
  | 'documentation'
  | 'benchmark'
  | 'discard'
  | 'reserved'
  | 'embedded_ipv4'

/** What `classifyAddress` answers. */
export type AddressVerdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: AddressRefusal }

type Range = readonly [cidr: string, reason: AddressRefusal]

/**
 * First match wins, so the metadata services of the clouds stand above the ranges that contain them.
 * After the IANA special-purpose registry (RFC 6890) and the RFC named beside each.
 */
const IPV4_REFUSED: readonly Range[] = [
  ['169.254.169.254/32', 'metadata'],
  ['169.254.170.2/32', 'metadata'],
  ['100.100.100.200/32', 'metadata'],
  ['192.0.0.192/32', 'metadata'],
  // Azure's host agent. It lies in a range that looks public.
  ['168.63.129.16/32', 'metadata'],
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  // RFC 1918
  ['10.0.0.0/8', 'private'],
  ['172.16.0.0/12', 'private'],
  ['192.168.0.0/16', 'private'],
  // Carrier-grade NAT, RFC 6598
  ['100.64.0.0/10', 'shared'],
  ['169.254.0.0/16', 'link_local'],
  ['192.0.2.0/24', 'documentation'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['198.18.0.0/15', 'benchmark'],
  ['192.0.0.0/24', 'reserved'],
  // The former anycast of 6to4 relays, RFC 7526
  ['192.88.99.0/24', 'reserved'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
]

const IPV6_REFUSED: readonly Range[] = [
  ['fd00:ec2::254/128', 'metadata'],
  ['fd20:ce::254/128', 'metadata'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  // Mapped, compatible, translated (RFC 2765), local-use NAT64 (RFC 8215), 6to4, Teredo: no public receiver lives
  // there, and each is a second spelling of an IPv4 address that a check of the first spelling would miss.
  ['::ffff:0:0/96', 'embedded_ipv4'],
  ['::ffff:0:0:0/96', 'embedded_ipv4'],
  ['::/96', 'embedded_ipv4'],
  ['64:ff9b:1::/48', 'embedded_ipv4'],
  ['2002::/16', 'embedded_ipv4'],
  ['2001::/32', 'embedded_ipv4'],
  ['fc00::/7', 'unique_local'],
  ['fe80::/10', 'link_local'],
  ['fec0::/10', 'site_local'],
  ['ff00::/8', 'multicast'],
  ['2001:db8::/32', 'documentation'],
  ['3fff::/20', 'documentation'],
  ['100::/64', 'discard'],
  ['2001:2::/48', 'benchmark'],
  // IETF protocol assignments: ORCHID, AMT, AS112 and others, RFC 2928
  ['2001::/23', 'reserved'],
]

/** Global unicast, RFC 4291. What lies outside is not routed, whatever it will be used for one day. */
const IPV6_GLOBAL_UNICAST = '2000::/3'

/** NAT64's well-known prefix, RFC 6052: what DNS64 answers on IPv6-only networks for every public IPv4 host. */
const IPV6_NAT64 = '64:ff9b::/96'

/** Tells whether a connection to this address would leave for the public internet. Pure; takes no host names. */
export function classifyAddress(ip: string): AddressVerdict {
  if (ip.includes('%')) return refused('zone_id')
  switch (isIP(ip)) {
    case 4:
      return classifyIpv4(ipaddr.IPv4.parse(ip))
    case 6:
      return classifyIpv6(ipaddr.IPv6.parse(ip))
    default:
      return refused('not_an_address')
  }
}

/** One block of addresses, as an operator writes it: `10.0.0.0/8`. */
export type AddressBlock = { readonly contains: (ip: string) => boolean; readonly isSingleAddress: boolean }

/** Reads a CIDR or a single address. `undefined` when it is neither, has a zone, or has bits set beyond its prefix. */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const match = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text)
  const base = match?.[1] ?? ''
  const family = isIP(base)
  if (family === 0) return undefined
  const bitsMax = family === 4 ? 32 : 128
  const bits = match?.[2] === undefined ? bitsMax : Number(match[2])
  if (bits > bitsMax) return undefined
  const network = ipaddr.parse(base)
  if (hasBitsBeyond(network.toByteArray(), bits)) return undefined
  return {
    isSingleAddress: bits === bitsMax,
    contains: (ip) => isIP(ip) === family && !ip.includes('%') && ipaddr.parse(ip).match(network, bits),
  }
}

function hasBitsBeyond(bytes: number[], bits: number): boolean {
  return bytes.some((byte, index) => {
    const kept = Math.min(Math.max(bits - index * 8, 0), 8)
    return (byte & (0xff >> kept)) !== 0
  })
}

function classifyIpv4(address: ipaddr.IPv4): AddressVerdict {
  for (const { network, bits, reason } of parsedIpv4Ranges) {
    if (address.match(network, bits)) return refused(reason)
  }
  return ALLOWED
}

function classifyIpv6(address: ipaddr.IPv6): AddressVerdict {
  for (const { network, bits, reason } of parsedIpv6Ranges) {
    if (address.match(network, bits)) return refused(reason)
  }
  const bytes = address.toByteArray()
  if (address.match(nat64)) return classifyIpv4(new ipaddr.IPv4(bytes.slice(12)))
  if (!address.match(globalUnicast)) return refused('reserved')
  return isIsatap(bytes) ? refused('embedded_ipv4') : ALLOWED
}

/** RFC 5214: `…:0:5efe:a.b.c.d` and `…:200:5efe:a.b.c.d` carry an IPv4 address under any prefix. */
function isIsatap(bytes: number[]): boolean {
  return (bytes[8] === 0 || bytes[8] === 2) && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
}

function refused(reason: AddressRefusal): AddressVerdict {
  return { allowed: false, reason }
}

const ALLOWED: AddressVerdict = { allowed: true }

const parsedIpv4Ranges = IPV4_REFUSED.map(([cidr, reason]) => {
  const [network, bits] = ipaddr.IPv4.parseCIDR(cidr)
  return { network, bits, reason }
})

const parsedIpv6Ranges = IPV6_REFUSED.map(([cidr, reason]) => {
  const [network, bits] = ipaddr.IPv6.parseCIDR(cidr)
  return { network, bits, reason }
})

const nat64 = ipaddr.IPv6.parseCIDR(IPV6_NAT64)
const globalUnicast = ipaddr.IPv6.parseCIDR(IPV6_GLOBAL_UNICAST)
