import { lookup as lookupBySystem, promises as dns } from 'node:dns'
import { promisify } from 'node:util'
import { isLocalhost, LOOPBACK_ADDRESSES } from './check-target-url.js'
import { type EgressAllow, isAllowedHost } from './egress-allow.js'

/** Answers every address of a host, in the order in which they shall be tried. Throws when there is none. */
export type HostLookup = (hostname: string) => Promise<readonly string[]>

/** What `createHostLookup` needs to know. */
export type HostLookupOptions = {
  readonly allow: EgressAllow
  /** DNS servers to ask (`10.0.0.2`, `10.0.0.2:5353`) instead of those of the machine. */
  readonly dnsServers?: readonly string[]
}

/** Two tries of this each fit into one connect timeout. */
const DNS_TRY_TIMEOUT_MS = 2_000
const DNS_TRIES = 2

/**
 * Names that a tenant chose are asked of the DNS and nothing else: no hosts file, no search domains, and none of the
 * four libuv threads that a name server of the tenant could keep waiting. Names that the operator opened may live in
 * the hosts file or a search domain, so those are resolved the way the system does it.
 */
export function createHostLookup(options: HostLookupOptions): HostLookup {
  const resolver = new dns.Resolver({ timeout: DNS_TRY_TIMEOUT_MS, tries: DNS_TRIES })
  if (options.dnsServers !== undefined) resolver.setServers([...options.dnsServers])
  const isNamedByOperator = (hostname: string): boolean =>
    isAllowedHost(hostname, undefined, options.allow) && options.dnsServers === undefined
  return async (hostname) => {
    if (isLocalhost(hostname)) return LOOPBACK_ADDRESSES
    return isNamedByOperator(hostname) ? await findBySystem(hostname) : await findByDns(resolver, hostname)
  }
}

async function findByDns(resolver: dns.Resolver, hostname: string): Promise<string[]> {
  const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const addresses = [ipv4, ipv6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (addresses.length > 0) return addresses
  throw ipv4.status === 'rejected' ? ipv4.reason : new Error(`${hostname} has no address`)
}

async function findBySystem(hostname: string): Promise<string[]> {
  const answers = await promisify(lookupBySystem)(hostname, { all: true, verbatim: false })
  return answers.map(({ address }) => address)
}
